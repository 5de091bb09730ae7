# One account for each actor, so that each holds exactly what it needs. No account
# has a key: Google issues the tokens.

resource "google_service_account" "function" {
  project      = var.project_id
  account_id   = var.name
  display_name = "iapguard"
  description  = "Runs the function: observes services, and in one project writes to them."
  depends_on   = [google_project_service.api]
}

# Pub/Sub signs the pushes of each subscription as an account of its own, which may
# invoke the function and nothing else. The function believes each at its path alone, so
# a stolen token opens one path.
resource "google_service_account" "pusher" {
  for_each = local.pushed_to

  project      = var.project_id
  account_id   = "${var.name}-${each.key}"
  display_name = "iapguard, pushes of ${each.key}"
  description  = "Who Pub/Sub's pushes to ${each.value} from the topic ${each.key} are signed as."
  depends_on   = [google_project_service.api]
}

# People send direct commands as these accounts: the members of operators impersonate
# them, and the audit log names the person.
resource "google_service_account" "operator" {
  for_each = var.operators

  project      = var.project_id
  account_id   = "${var.name}-${each.key}"
  display_name = "iapguard, people (${each.key})"
  description  = "Who direct commands to the function are signed as. The audit log says who took its token."
  depends_on   = [google_project_service.api]
}

resource "google_service_account" "trigger" {
  count = local.eventarc ? 1 : 0

  project      = var.project_id
  account_id   = "${var.name}-trigger"
  display_name = "iapguard, triggers"
  description  = "Who Eventarc's deliveries to the function are signed as."
  depends_on   = [google_project_service.api]
}

# In a folder or organisation each folder has a writer account of its own, so that no
# account may write everywhere.
resource "google_service_account" "writer" {
  for_each = var.writers

  project      = var.project_id
  account_id   = "${var.name}-writer-${trimprefix(each.key, "folders/")}"
  display_name = "iapguard, writer of ${each.key}"
  description  = "Protects the services under ${each.key}, once the writing role is bound there."
  depends_on   = [google_project_service.api]
}

# Who may act as each account, or take tokens of it: whole policies, so that an apply
# takes away what somebody added by hand. What the project grants is inherited all the
# same, and its editors may act as every account in it: so the guard has a project of
# its own.

# Pub/Sub signs in the name of the pushers and of Eventarc's triggers. Its agent may do so
# all over a project with roles/pubsub.serviceAgent; in one whose agent is from before
# April 2021, or where somebody took that role away, every push would be refused without
# this (eventarc/docs/creating-triggers-terraform). The role signs identity tokens only.
locals {
  signed_by_pubsub = merge(
    { for topic, account in google_service_account.pusher : topic => account.name },
    { for account in google_service_account.trigger : "trigger" => account.name },
  )
  pubsub_signs = [{ role = "roles/iam.serviceAccountOpenIdTokenCreator", members = [local.pubsub_agent] }]
}

# Pub/Sub's agent alone takes the tokens that pushes carry.
resource "google_service_account_iam_policy" "pushers" {
  for_each = local.signed_by_pubsub

  service_account_id = each.value
  policy_data        = jsonencode({ bindings = local.pubsub_signs })
  depends_on         = [time_sleep.agents]
}

# The named people take identity tokens of an operator account, and act in no other way as it.
resource "google_service_account_iam_policy" "operators" {
  for_each = var.operators

  service_account_id = google_service_account.operator[each.key].name
  policy_data = jsonencode({ bindings = [
    for role in length(each.value) > 0 ? ["roles/iam.serviceAccountOpenIdTokenCreator"] : [] : { role = role, members = sort(each.value) }
  ] })
}

# Who deploys a revision acts as the account that it runs as.
resource "google_service_account_iam_policy" "function" {
  service_account_id = google_service_account.function.name
  policy_data = jsonencode({ bindings = [
    for role in length(var.deployers) > 0 ? ["roles/iam.serviceAccountUser"] : [] : { role = role, members = sort(var.deployers) }
  ] })
}

# The function impersonates the writers for its writes. The grant is on each account: on
# the project it would be the right to impersonate any account.
resource "google_service_account_iam_policy" "writers" {
  for_each = var.writers

  service_account_id = google_service_account.writer[each.key].name
  policy_data        = jsonencode({ bindings = [{ role = "roles/iam.serviceAccountTokenCreator", members = [local.function] }] })
}
