# One account for each actor, so that each holds exactly what it needs. No account
# has a key: Google issues the tokens.

resource "google_service_account" "function" {
  project      = var.project_id
  account_id   = var.name
  display_name = "iapguard"
  description  = "Runs the function: observes services, and in one project writes to them."
  depends_on   = [google_project_service.api]
}

# Pub/Sub signs its pushes as this account, which may invoke the function and
# nothing else.
resource "google_service_account" "pusher" {
  project      = var.project_id
  account_id   = "${var.name}-pusher"
  display_name = "iapguard, pushes"
  description  = "Who Pub/Sub's pushes to the function are signed as."
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

# The function impersonates these accounts for its writes. The grant is on each
# account: on the project it would be the right to impersonate any account.
resource "google_service_account_iam_member" "function_as_writer" {
  for_each = var.writers

  service_account_id = google_service_account.writer[each.key].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:${google_service_account.function.email}"
}

# Pub/Sub signs in the name of these two. Its agent may do so all over a project
# with roles/pubsub.serviceAgent; in one whose agent is from before April 2021, or
# where somebody took that role away, every push would be refused without this
# (eventarc/docs/creating-triggers-terraform). The role signs identity tokens only.
resource "google_service_account_iam_member" "pubsub_signs" {
  for_each = merge(
    { pusher = google_service_account.pusher.name },
    local.eventarc ? { trigger = google_service_account.trigger[0].name } : {},
  )

  service_account_id = each.value
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
  depends_on         = [google_pubsub_topic.topic]
}
