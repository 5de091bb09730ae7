# The evidence: every report as a line of an object that nobody can delete or overwrite
# before its time, whichever account was stolen. It shows what was written with the value
# that was there before, so that it can be put back. Pub/Sub writes it, and the function
# has no right on it.

resource "google_storage_bucket" "evidence" {
  project  = var.project_id
  name     = "${var.name}-evidence-${var.project_number}" # bucket names are global
  location = coalesce(var.reports_location, var.region)
  labels   = local.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Without the lock an owner of the project can shorten or remove it; the alert
  # guard-changed says so. With the lock nobody can, Google included
  # (storage/docs/bucket-lock).
  retention_policy {
    retention_period = var.evidence_days * 24 * 60 * 60
    is_locked        = var.evidence_locked
  }

  # What may be deleted is deleted a day later.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = var.evidence_days + 1
    }
  }
}

# The whole policy: Pub/Sub's agent adds objects and reads the bucket's settings
# (pubsub/docs/create-cloudstorage-subscription), which lets it overwrite nothing. Readers
# of reports read. Owners keep what administering the bucket needs. The function has
# nothing here.
resource "google_storage_bucket_iam_policy" "evidence" {
  bucket = google_storage_bucket.evidence.name

  policy_data = jsonencode({ bindings = concat(
    [
      { role = "roles/storage.objectCreator", members = [var.pubsub_agent] },
      { role = "roles/storage.legacyBucketReader", members = [var.pubsub_agent] },
      { role = "roles/storage.legacyBucketOwner", members = ["projectOwner:${var.project_id}"] },
    ],
    [for role in length(var.report_readers) + length(var.export_readers) > 0 ? ["roles/storage.objectViewer"] : [] : { role = role, members = concat(sort(var.report_readers), var.export_readers) }],
  ) })
}

# Text: one report a line, as iapguard undo reads it. An object is closed after a minute,
# the shortest that Pub/Sub takes.
resource "google_pubsub_subscription" "evidence" {
  project = var.project_id
  name    = "${var.name}-reports-evidence"
  topic   = var.topics["reports"]
  labels  = local.labels

  cloud_storage_config {
    bucket                   = google_storage_bucket.evidence.name
    filename_prefix          = "reports/"
    filename_suffix          = ".jsonl"
    filename_datetime_format = "YYYY-MM-DD/hh_mm_ssZ"
    max_duration             = "60s"
  }

  # At least as long as an object stays open.
  ack_deadline_seconds = 300

  retry_policy {
    minimum_backoff = local.delivery.minimumBackoff
    maximum_backoff = local.delivery.maximumBackoff
  }

  dead_letter_policy {
    dead_letter_topic     = var.topics["dead-letters"]
    max_delivery_attempts = local.delivery.attempts
  }

  expiration_policy {
    ttl = ""
  }

  # Pub/Sub checks its permission to write when the subscription is created.
  depends_on = [google_storage_bucket_iam_policy.evidence]
}

# To move a report to the dead letters, the agent acknowledges it here. Nobody else does.
resource "google_pubsub_subscription_iam_policy" "evidence" {
  project      = var.project_id
  subscription = google_pubsub_subscription.evidence.name
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [var.pubsub_agent] }] })
}

# The signatures of reports, in a folder of their own, so that who reads reports meets nothing
# else. They travel as messages beside the reports: text holds the data of a message and none
# of its attributes, and an attribute ends at 1024 bytes.
resource "google_pubsub_subscription" "signatures" {
  for_each = toset(var.signatures_topic == null ? [] : ["signatures"])

  project = var.project_id
  name    = "${var.name}-reports-signatures"
  topic   = var.signatures_topic
  labels  = local.labels

  cloud_storage_config {
    bucket                   = google_storage_bucket.evidence.name
    filename_prefix          = "signatures/"
    filename_suffix          = ".jsonl"
    filename_datetime_format = "YYYY-MM-DD/hh_mm_ssZ"
    max_duration             = "60s"
  }

  # At least as long as an object stays open.
  ack_deadline_seconds = 300

  retry_policy {
    minimum_backoff = local.delivery.minimumBackoff
    maximum_backoff = local.delivery.maximumBackoff
  }

  dead_letter_policy {
    dead_letter_topic     = var.topics["dead-letters"]
    max_delivery_attempts = local.delivery.attempts
  }

  expiration_policy {
    ttl = ""
  }

  # Pub/Sub checks its permission to write when the subscription is created.
  depends_on = [google_storage_bucket_iam_policy.evidence]
}

# To move a signature to the dead letters, the agent acknowledges it here. Nobody else does.
resource "google_pubsub_subscription_iam_policy" "signatures" {
  for_each = google_pubsub_subscription.signatures

  project      = var.project_id
  subscription = each.value.name
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [var.pubsub_agent] }] })
}
