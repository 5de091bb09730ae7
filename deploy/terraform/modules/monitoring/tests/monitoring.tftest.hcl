# Reports, metrics, alerts and dashboard. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  dead_letters   = { "dead-letters" = "iapguard-dead-letters", "refused-dead-letters" = "iapguard-refused-dead-letters" }
}

run "names_and_limits_reach_metrics_alerts_pages_and_dashboard" {
  variables {
    name                  = "guard-two"
    alert_exposed_minutes = 90
    alert_report_only     = true
    notification_channels = ["projects/my-project/notificationChannels/1"]
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
    condition = alltrue([for policy in concat(values(google_monitoring_alert_policy.counted), values(google_monitoring_alert_policy.on_line),
      [google_monitoring_alert_policy.dead_letters, google_monitoring_alert_policy.lag, google_monitoring_alert_policy.no_heartbeat]) :
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
    condition     = strcontains(google_monitoring_alert_policy.on_line["configuration-changed"].conditions[0].condition_matched_log[0].filter, "/sinks/guard-two-")
    error_message = "Changes of another deployment are watched."
  }
  assert {
    condition     = strcontains(google_monitoring_dashboard.iapguard.dashboard_json, "logging.googleapis.com/user/guard-two-reports") && !strcontains(google_monitoring_dashboard.iapguard.dashboard_json, "iapguard")
    error_message = "The dashboard shows another deployment."
  }
}

run "the_subscriptions_of_triggers_may_lag_as_little_as_others" {
  variables {
    triggers = true
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

run "where_nothing_is_signed_no_key_is_watched" {
  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.on_line), "signing-key")
    error_message = "A key is watched that is not there."
  }
}

run "the_key_that_signs_is_watched" {
  variables {
    name                = "guard-two"
    signing_key_version = 1
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.on_line["signing-key"].conditions[0].condition_matched_log[0].filter, "/keyRings/guard-two(/cryptoKeys/reports") && contains(output.alerts, google_monitoring_alert_policy.on_line["signing-key"].name)
    error_message = "Another key is watched, or the watch does not look for the alert."
  }
}
