# The reports in BigQuery: Pub/Sub writes each as a row. Three views answer for how
# long each team's doors were open, who keeps undoing, and which exemptions end soon.

locals {
  reports_dataset = replace(var.name, "-", "_")
  reports_table   = "${var.project_id}.${google_bigquery_dataset.reports.dataset_id}.${google_bigquery_table.reports.table_id}"

  report_views = {
    minutes_exposed_per_team   = "Minutes in which a door stood open, by day and team."
    who_keeps_undoing          = "Who undoes protections again and again, with what, and what to write at the source."
    exemptions_about_to_expire = "Exemptions that end within 30 days, the next one first."
  }
}

resource "google_project_service" "bigquery" {
  project            = var.project_id
  service            = "bigquery.googleapis.com"
  disable_on_destroy = false
}

resource "google_bigquery_dataset" "reports" {
  project                    = var.project_id
  dataset_id                 = local.reports_dataset
  location                   = coalesce(var.reports_location, var.region)
  description                = "What iapguard found and did, one row for each report."
  labels                     = local.labels
  delete_contents_on_destroy = !var.deletion_protection
  depends_on                 = [google_project_service.bigquery]
}

# The schema is generated from the reports' own (UPDATE=1 go test ./test/deploy),
# and a test holds it against that. No column is required: a row with a gap is
# worth more than a message that is not written.
#
# What Pub/Sub makes of JSON, by pubsub/docs/bigquery, "Use table schema": a text
# becomes a TIMESTAMP where the column is one; a JSON column would take nothing
# but JSON in an escaped text, which is why a service's labels are a record with
# the one key that the views ask for, and all others are left out (columns are
# named with letters, digits and underscores alone, labels are not). That records
# within records and repeated ones are written from a table's schema as they are
# from a topic's is *unverified*; if they are not, every report ends up among the
# dead letters, and the alert dead-letters says so.
resource "google_bigquery_table" "reports" {
  project             = var.project_id
  dataset_id          = google_bigquery_dataset.reports.dataset_id
  table_id            = "reports"
  description         = "One row for each report, at least once: the same id (attributes, ce-id) is the same outcome."
  schema              = file("${path.module}/reports.schema.json")
  labels              = local.labels
  deletion_protection = var.deletion_protection

  time_partitioning {
    type          = "DAY"
    field         = "observedAt"
    expiration_ms = var.reports_days * 24 * 60 * 60 * 1000
  }

  # BigQuery cannot cluster by columns within records.
  clustering = ["outcome", "mode"]
}

resource "google_bigquery_table" "view" {
  for_each = local.report_views

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.reports.dataset_id
  table_id            = each.key
  description         = each.value
  labels              = local.labels
  deletion_protection = false # a view holds nothing

  view {
    query          = templatefile("${path.module}/../../../views/${each.key}.sql", { reports = local.reports_table })
    use_legacy_sql = false
  }
}

# Pub/Sub writes as its own agent, into this table and no other.
# Source: pubsub/docs/bigquery, "Service account".
resource "google_bigquery_table_iam_member" "pubsub_writes" {
  project    = var.project_id
  dataset_id = google_bigquery_dataset.reports.dataset_id
  table_id   = google_bigquery_table.reports.table_id
  role       = "roles/bigquery.dataEditor"
  member     = var.pubsub_agent
}

# Reading the reports and the views, for the members of report_readers.
resource "google_bigquery_dataset_iam_member" "readers" {
  for_each = var.report_readers

  project    = var.project_id
  dataset_id = google_bigquery_dataset.reports.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.key
}

# The topic has no schema, so nothing stops a report; the table has one, and what
# a newer iapguard says beyond it is left out until the table knows it too.
resource "google_pubsub_subscription" "reports" {
  project = var.project_id
  name    = "${var.name}-reports-bigquery"
  topic   = var.topics["reports"]
  labels  = local.labels

  bigquery_config {
    table               = local.reports_table
    use_table_schema    = true
    drop_unknown_fields = true
    # message_id, publish_time and attributes, among which is the event's id.
    write_metadata = true
  }

  ack_deadline_seconds = 60

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
  depends_on = [google_bigquery_table_iam_member.pubsub_writes]
}

# To move a report to the dead letters, the agent acknowledges it here. Nobody else does.
resource "google_pubsub_subscription_iam_policy" "reports" {
  project      = var.project_id
  subscription = google_pubsub_subscription.reports.name
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [var.pubsub_agent] }] })
}
