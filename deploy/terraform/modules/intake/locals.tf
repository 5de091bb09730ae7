locals {
  # projects/ID, folders/NUMBER or organizations/NUMBER; what it is; its id.
  scope      = coalesce(var.scope, "projects/${var.project_id}")
  scope_kind = split("/", local.scope)[0]
  scope_id   = trimprefix(local.scope, "${local.scope_kind}/")
  in_project = local.scope_kind == "projects"

  # What is delivered where, and how: the file that the tests hold against the code.
  intake    = yamldecode(file("${path.module}/../../../intake.yaml"))
  delivery  = local.intake.delivery
  pushed_to = { for push in local.intake.push : push.topic => push.path }

  sinks    = contains(var.intake, "sink")
  eventarc = contains(var.intake, "eventarc")

  # A log-based metric counts the entries of its own project alone, and so is made in the
  # project that is watched.
  refused_requests = coalesce(var.refused_requests, local.in_project ? "alert" : "off")

  labels       = merge({ app = var.name }, var.labels)
  pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}
