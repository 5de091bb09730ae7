# Reports, metrics, alerts and dashboard. Nothing here calls Google.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
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
    condition     = tonumber(google_storage_bucket.evidence.retention_policy[0].retention_period) == 400 * 86400 && !google_storage_bucket.evidence.retention_policy[0].is_locked && google_storage_bucket.evidence.name != google_storage_bucket.memory.name
    error_message = "The evidence can be deleted early, is locked unasked, or is in the memory."
  }
  assert {
    condition     = google_pubsub_subscription.evidence.cloud_storage_config[0].bucket == "iapguard-evidence-123456789012" && google_pubsub_subscription.evidence.expiration_policy[0].ttl == ""
    error_message = "The reports go elsewhere, or their subscription expires."
  }
  assert {
    condition     = !strcontains(google_storage_bucket_iam_policy.evidence.policy_data, google_service_account.function.email)
    error_message = "The function has a right on the evidence: ${google_storage_bucket_iam_policy.evidence.policy_data}"
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
    name                  = "guard-two"
    alert_exposed_minutes = 90
    alert_report_only     = true
    notification_channels = ["projects/my-project/notificationChannels/1"]
    report_readers        = ["group:security@example.com"]
  }
  assert {
    condition     = google_logging_metric.count["exposed"].name == "guard-two-exposed" && strcontains(google_logging_metric.count["exposed"].filter, "exposed_minutes>=90") && !strcontains(google_logging_metric.count["exposed"].filter, "report-only")
    error_message = "The metric is ${google_logging_metric.count["exposed"].filter}"
  }
  assert {
    condition     = google_logging_metric.count["exposed"].label_extractors == tomap({ project = "EXTRACT(jsonPayload.project)", team = "EXTRACT(jsonPayload.team)" })
    error_message = "The labels are others."
  }
  assert {
    condition = alltrue([for policy in concat(values(google_monitoring_alert_policy.counted),
      [google_monitoring_alert_policy.dead_letters, google_monitoring_alert_policy.lag, google_monitoring_alert_policy.no_heartbeat, google_monitoring_alert_policy.configuration_changed, google_monitoring_alert_policy.guard_changed, google_monitoring_alert_policy.controls_changed]) :
      policy.notification_channels != null && contains(policy.notification_channels, "projects/my-project/notificationChannels/1") && strcontains(policy.documentation[0].content, "guard-two") && !strcontains(policy.documentation[0].content, "PROJECT") && !strcontains(policy.documentation[0].content, "DATASET")
    ])
    error_message = "An alert goes nowhere, or its page has no names in it."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.lag.conditions[0].condition_threshold[0].filter, "one_of(\"guard-two-commands\",\"guard-two-events\",\"guard-two-reports-bigquery\",\"guard-two-reports-evidence\")")
    error_message = "The lag of ${google_monitoring_alert_policy.lag.conditions[0].condition_threshold[0].filter}"
  }
  assert {
    condition     = google_monitoring_alert_policy.no_heartbeat.conditions[0].condition_absent[0].duration == "900s"
    error_message = "The heartbeat may be missing for ${google_monitoring_alert_policy.no_heartbeat.conditions[0].condition_absent[0].duration}"
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.configuration_changed.conditions[0].condition_matched_log[0].filter, "/sinks/guard-two-")
    error_message = "Changes of another deployment are watched."
  }
  assert {
    condition     = strcontains(google_monitoring_dashboard.iapguard.dashboard_json, "logging.googleapis.com/user/guard-two-reports") && !strcontains(google_monitoring_dashboard.iapguard.dashboard_json, "iapguard")
    error_message = "The dashboard shows another deployment."
  }
  assert {
    condition     = keys(google_bigquery_dataset_iam_member.readers) == ["group:security@example.com"] && google_bigquery_dataset.reports.dataset_id == "guard_two"
    error_message = "The reports are read by others."
  }
}

run "the_subscriptions_of_triggers_may_lag_as_little_as_others" {
  variables {
    intake            = ["eventarc"]
    eventarc_delivery = "by-hand"
  }
  assert {
    condition     = jsonencode(google_monitoring_alert_policy.lag.conditions[*].condition_threshold[0].threshold_value) == "[600,600,3600,600]" && strcontains(google_monitoring_alert_policy.lag.conditions[1].condition_threshold[0].filter, "eventarc-[a-z0-9-]*iapguard-.*")
    error_message = "The lag of ${google_monitoring_alert_policy.lag.conditions[1].condition_threshold[0].filter}"
  }
}

run "in_report_only_nobody_is_woken" {
  assert {
    condition     = strcontains(google_logging_metric.count["blocked"].filter, "NOT jsonPayload.mode=\"report-only\"")
    error_message = "The metric is ${google_logging_metric.count["blocked"].filter}"
  }
}

run "bad_input_names_the_remedy" {
  command = plan
  variables {
    notification_channels   = ["oncall"]
    alert_exposed_minutes   = 5
    alert_waiting_minutes   = 2880
    alert_lag_seconds       = 10
    alert_heartbeat_minutes = 1
    reports_location        = "eu-west"
    reports_days            = 2
    report_readers          = ["alice"]
    evidence_days           = 0.5
  }
  expect_failures = [
    var.notification_channels, var.alert_exposed_minutes, var.alert_waiting_minutes, var.alert_lag_seconds,
    var.alert_heartbeat_minutes, var.reports_location, var.reports_days, var.report_readers, var.evidence_days,
  ]
}
