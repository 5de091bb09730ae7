# The guard, in seven parts that can be used apart: see the README of each.

locals {
  # projects/ID, folders/NUMBER or organizations/NUMBER.
  scope = coalesce(var.scope, "projects/${var.project_id}")
}

# Google's own accounts are named after the project's number.
data "google_project" "own" {
  project_id = var.project_id
}

# The project that is watched, where it is one.
data "google_project" "scope" {
  project_id = startswith(local.scope, "projects/") ? trimprefix(local.scope, "projects/") : var.project_id
}

# What is above projects is read before anything is made: where a folder is missing, an apply
# would end halfway.
data "google_folder" "named" {
  for_each = toset(concat(startswith(local.scope, "folders/") ? [local.scope] : [], keys(var.writers)))

  folder = each.key

  lifecycle {
    postcondition {
      condition     = self.lifecycle_state == "ACTIVE"
      error_message = "${each.key} was deleted. Restore it within 30 days (gcloud resource-manager folders undelete ${trimprefix(each.key, "folders/")}), or write another one in scope and writers."
    }
  }
}

# The organisation in which roles are made: who may make them may read it.
data "google_organization" "named" {
  for_each = toset(startswith(local.scope, "organizations/") ? [trimprefix(local.scope, "organizations/")] : startswith(local.scope, "folders/") ? var.organization_id[*] : [])

  organization = each.key
}

# Google enables no API in a project that nobody pays for. Who may not see the account sees none.
check "billing" {
  assert {
    condition     = try(length(data.google_project.own.billing_account) > 0, false)
    error_message = "The project ${var.project_id} shows no billing account, and an apply ends with \"Billing must be enabled\". Link one (gcloud billing projects link ${var.project_id} --billing-account=ACCOUNT). If one is linked, you may not see it: ignore this."
  }
}

# The function, and what it needs to run: accounts, roles, topics, secrets, memory, schedules.
module "core" {
  source = "./modules/core"

  project_id                     = var.project_id
  project_number                 = data.google_project.own.number
  region                         = var.region
  name                           = var.name
  scope                          = local.scope
  allow_guard_in_guarded_project = var.allow_guard_in_guarded_project
  organization_id                = var.organization_id
  labels                         = var.labels
  intake                         = var.intake
  sweep_schedule                 = var.sweep_schedule
  sweep_projects                 = var.sweep_projects
  digest_schedule                = var.digest_schedule
  apis                           = length(var.preventive) > 0 ? ["orgpolicy.googleapis.com"] : []
  event_publishers               = module.intake.event_publishers
  refused_publishers             = module.intake.refused_publishers
  operators                      = var.operators
  commanders                     = var.commanders
  policy_writers                 = var.policy_writers
  deployers                      = var.deployers
  hold_members                   = var.hold_members
  mode                           = var.mode
  writers                        = var.writers
  runtime_accounts               = var.runtime_accounts
  runtime_projects               = var.runtime_projects
  optional_roles                 = var.optional_roles
  enable_api                     = var.enable_api
  iap_api_projects               = var.iap_api_projects
  oauth_client_secrets           = var.oauth_client_secrets
  image                          = var.image
  min_instances                  = var.min_instances
  max_instances                  = var.max_instances
  concurrency                    = var.concurrency
  cpu                            = var.cpu
  memory                         = var.memory
  ingress                        = var.ingress
  deletion_protection            = var.deletion_protection
  memory_key                     = var.memory_key
  signing_key_version            = var.signing_key_version
  signature_readers              = var.report_readers
  environment                    = var.environment
  policy                         = var.policy
  policy_checker                 = var.policy_checker
  creation_wait                  = var.creation_wait
}

# How it learns of changes and of refused visitors.
module "intake" {
  source = "./modules/intake"

  project_id        = module.core.project_id
  project_number    = data.google_project.own.number
  region            = var.region
  name              = var.name
  scope             = module.core.scope
  labels            = var.labels
  scope_number      = data.google_project.scope.number
  intake            = var.intake
  eventarc_delivery = var.eventarc_delivery
  refused_requests  = var.refused_requests
  topics            = module.core.topics
  service           = module.core.service_name
  trigger_account   = module.core.trigger_account
  own_accounts      = module.core.own_accounts
  creation_wait     = var.creation_wait
}

# Where its reports are kept.
module "reports" {
  source = "./modules/reports"

  project_id          = module.core.project_id
  project_number      = data.google_project.own.number
  region              = var.region
  name                = var.name
  labels              = var.labels
  reports_location    = var.reports_location
  reports_days        = var.reports_days
  report_readers      = var.report_readers
  export_readers      = module.export.readers
  evidence_days       = var.evidence_days
  evidence_locked     = var.evidence_locked
  deletion_protection = var.deletion_protection
  topics              = module.core.topics
  signatures_topic    = module.core.signatures_topic
  pubsub_agent        = module.core.pubsub_agent
}

# Metrics, alerts and the dashboard.
module "monitoring" {
  source = "./modules/monitoring"

  project_id              = module.core.project_id
  project_number          = data.google_project.own.number
  region                  = var.region
  name                    = var.name
  labels                  = var.labels
  notification_channels   = var.notification_channels
  notification_routes     = var.notification_routes
  digest_channels         = var.digest_channels
  protect_minutes         = var.protect_minutes
  protect_goal            = var.protect_goal
  alert_report_only       = var.alert_report_only
  alert_exposed_minutes   = var.alert_exposed_minutes
  alert_waiting_minutes   = var.alert_waiting_minutes
  alert_lag_seconds       = var.alert_lag_seconds
  alert_heartbeat_minutes = var.alert_heartbeat_minutes
  signing_key_version     = var.signing_key_version
  dead_letters            = module.core.dead_letters
  triggers                = contains(var.intake, "eventarc")
  creation_wait           = var.creation_wait
}

# Organisation policies that keep the gap from opening at all.
module "preventive" {
  source = "./modules/preventive"

  scope           = module.core.scope
  organization_id = var.organization_id
  name            = var.name
  preventive      = var.preventive
}

# The watch over the guard itself.
module "watch" {
  source = "./modules/watch"

  project_id            = module.core.project_id
  project_number        = data.google_project.own.number
  region                = var.region
  name                  = var.name
  scope                 = module.core.scope
  labels                = var.labels
  watch                 = var.watch
  notification_channels = var.notification_channels
  reports_location      = var.reports_location
  reports_dataset       = module.reports.dataset
  parts                 = concat(module.intake.parts, module.core.parts, module.reports.parts)
  alerts                = module.monitoring.alerts
  creation_wait         = var.creation_wait
}

# Documents of the reports for security tools.
module "export" {
  source = "./modules/export"

  project_id          = module.core.project_id
  region              = var.region
  name                = var.name
  labels              = var.labels
  image               = var.image
  deletion_protection = var.deletion_protection
  exports             = var.exports
  evidence            = module.reports.evidence
}
