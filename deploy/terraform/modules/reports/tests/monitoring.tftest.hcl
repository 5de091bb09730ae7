# Reports, metrics, alerts and dashboard. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"

  pubsub_agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
  topics = {
    reports        = "projects/my-project/topics/iapguard-reports"
    "dead-letters" = "projects/my-project/topics/iapguard-dead-letters"
  }
}

run "pubsub_writes_reports_into_the_table_and_nowhere_else" {
  assert {
    condition     = google_pubsub_subscription.reports.bigquery_config[0].table == "my-project.iapguard.reports" && google_pubsub_subscription.reports.bigquery_config[0].use_table_schema && google_pubsub_subscription.reports.bigquery_config[0].drop_unknown_fields && google_pubsub_subscription.reports.bigquery_config[0].write_metadata
    error_message = "The subscription writes to ${google_pubsub_subscription.reports.bigquery_config[0].table}, or otherwise than by the table's schema."
  }
  assert {
    condition     = google_pubsub_subscription.reports.expiration_policy[0].ttl == "" && google_pubsub_subscription.reports.dead_letter_policy[0].max_delivery_attempts == 30
    error_message = "The subscription of the reports expires, or has no dead letters."
  }
  assert {
    condition     = google_bigquery_table_iam_member.pubsub_writes.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" && google_bigquery_table_iam_member.pubsub_writes.table_id == "reports"
    error_message = "Another may write, or elsewhere: ${google_bigquery_table_iam_member.pubsub_writes.member}"
  }
  assert {
    condition     = google_bigquery_table.reports.time_partitioning[0].field == "observedAt" && google_bigquery_table.reports.time_partitioning[0].expiration_ms == 400 * 86400000 && google_bigquery_table.reports.clustering == tolist(["outcome", "mode"])
    error_message = "The table is partitioned otherwise."
  }
}

run "pubsub_writes_reports_as_evidence_that_nobody_deletes" {
  assert {
    condition     = tonumber(google_storage_bucket.evidence.retention_policy[0].retention_period) == 400 * 86400 && !google_storage_bucket.evidence.retention_policy[0].is_locked
    error_message = "The evidence can be deleted early, is locked unasked, or is in the memory."
  }
  assert {
    condition     = google_pubsub_subscription.evidence.cloud_storage_config[0].bucket == "iapguard-evidence-123456789012" && google_pubsub_subscription.evidence.expiration_policy[0].ttl == ""
    error_message = "The reports go elsewhere, or their subscription expires."
  }
}

run "signatures_are_evidence_beside_the_reports" {
  variables {
    signatures_topic = "projects/my-project/topics/iapguard-signatures"
  }
  assert {
    condition     = google_pubsub_subscription.signatures["signatures"].cloud_storage_config[0].bucket == "iapguard-evidence-123456789012" && google_pubsub_subscription.signatures["signatures"].cloud_storage_config[0].filename_prefix == "signatures/" && google_pubsub_subscription.signatures["signatures"].topic == "projects/my-project/topics/iapguard-signatures"
    error_message = "The signatures go elsewhere."
  }
  assert {
    condition     = contains(output.parts, { type = "pubsub.googleapis.com/Subscription", name = "subscriptions/iapguard-reports-signatures" })
    error_message = "Nobody watches over the subscription of the signatures."
  }
}

run "no_signature_is_kept_where_none_is_made" {
  assert {
    condition     = length(google_pubsub_subscription.signatures) == 0
    error_message = "There is a subscription for signatures that nobody makes."
  }
}

run "the_views_ask_that_table" {
  assert {
    condition     = alltrue([for view in google_bigquery_table.view : strcontains(view.view[0].query, "`my-project.iapguard.reports`") && !strcontains(view.view[0].query, "$${")])
    error_message = "A view asks another table."
  }
  assert {
    condition     = keys(google_bigquery_table.view) == ["exemptions_about_to_expire", "minutes_exposed_per_team", "who_keeps_undoing"]
    error_message = "views: ${join(", ", keys(google_bigquery_table.view))}"
  }
}

run "names_and_limits_reach_metrics_alerts_pages_and_dashboard" {
  variables {
    name           = "guard-two"
    report_readers = ["group:security@example.com"]
  }
  assert {
    condition     = keys(google_bigquery_dataset_iam_member.readers) == ["group:security@example.com"] && google_bigquery_dataset.reports.dataset_id == "guard_two"
    error_message = "The reports are read by others."
  }
}
