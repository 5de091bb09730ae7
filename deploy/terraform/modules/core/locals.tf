locals {
  # projects/ID, folders/NUMBER or organizations/NUMBER; what it is; its id.
  scope           = coalesce(var.scope, "projects/${var.project_id}")
  scope_kind      = split("/", local.scope)[0]
  scope_id        = trimprefix(local.scope, "${local.scope_kind}/")
  in_project      = local.scope_kind == "projects"
  organization_id = local.scope_kind == "organizations" ? local.scope_id : var.organization_id

  # What is delivered where, and how: the file that the tests hold against the code.
  intake    = yamldecode(file("${path.module}/../../../intake.yaml"))
  delivery  = local.intake.delivery
  pushed_to = { for push in local.intake.push : push.topic => push.path }
  ordered   = { for push in local.intake.push : push.topic => push.ordered }
  # What a push says for itself, or else what is said for all. A week is Pub/Sub's default.
  deliveries = { for push in local.intake.push : push.topic => {
    attempts    = try(push.attempts, local.delivery.attempts)
    retention   = try(push.retention, "604800s")
    deadLetters = try(push.deadLetters, "dead-letters")
  } }

  # One of the function's two addresses, known before the service is made
  # (run/docs/triggering/https-request, "Deterministic URL"). Tokens are made out to it.
  address  = "https://${var.name}-${var.project_number}.${var.region}.run.app"
  audience = local.address

  sinks    = contains(var.intake, "sink")
  eventarc = contains(var.intake, "eventarc")

  labels = merge({ app = var.name }, var.labels)
}
