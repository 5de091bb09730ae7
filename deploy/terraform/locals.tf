locals {
  # projects/ID, folders/NUMBER or organizations/NUMBER; what it is; its id.
  scope           = coalesce(var.scope, "projects/${var.project_id}")
  scope_kind      = split("/", local.scope)[0]
  scope_id        = trimprefix(local.scope, "${local.scope_kind}/")
  in_project      = local.scope_kind == "projects"
  organization_id = local.scope_kind == "organizations" ? local.scope_id : var.organization_id

  # What is delivered where, and how: the file that the tests hold against the code.
  intake    = yamldecode(file("${path.module}/../intake.yaml"))
  delivery  = local.intake.delivery
  pushed_to = { for push in local.intake.push : push.topic => push.path }
  ordered   = { for push in local.intake.push : push.topic => push.ordered }

  sinks    = contains(var.intake, "sink")
  eventarc = contains(var.intake, "eventarc")

  # A log-based metric counts the entries of its own project alone.
  refused_requests = coalesce(var.refused_requests, local.scope == "projects/${var.project_id}" ? "alert" : "sink")

  labels = merge({ app = var.name }, var.labels)
}

# Google's own accounts are named after the project's number.
data "google_project" "own" {
  project_id = var.project_id
}
