# Alerts, each with the page of deploy/playbooks that has its name. By default no window is longer than 75 minutes: a
# condition of Cloud Monitoring, on a threshold or on an absence, looks back no further than 23 hours and a half
# (reported; monitoring/quotas).

locals {
  # These count lines of the log, and page nobody: the digest has what stands, and where a door
  # is open, exposed-too-long fires. Sweeps report a state every hour. The alert ends when a little
  # more than an hour has passed without another report.
  alerts = {
    waiting = { title = "a service waits for too long", metric = "waiting", severity = "WARNING", window = 4500, above = 0, by = ["project", "team"] }
    blocked = { title = "a person must unblock a service", metric = "blocked", severity = "WARNING", window = 4500, above = 0, by = ["project", "team"] }
    held    = { title = "a hold, a limit or the circuit breaker stops writes", metric = "held", severity = "WARNING", window = 4500, above = 0, by = ["project"] }
    # One failed call is retried, and does not justify a page.
    errors = { title = "errors in the log", metric = "errors", severity = "ERROR", window = 600, above = 5, by = [] }
  }

  playbooks = {
    for page in fileset("${path.module}/../../../playbooks", "*.md") : trimsuffix(page, ".md") => replace(replace(replace(replace(
    file("${path.module}/../../../playbooks/${page}"), "PROJECT", var.project_id), "REGION", var.region), "DATASET", local.reports_dataset), "NAME", var.name)
  }

  # What is pushed, refused requests aside, and the reports on their way to BigQuery. Work waits in its
  # subscription until it is due and is given up after 45 minutes. Eventarc names its
  # subscriptions after its triggers.
  lagging = { for which, one in {
    deliveries = { seconds = var.alert_lag_seconds, subscriptions = "one_of(${join(",", [for id in concat([for topic in keys(local.pushed_to) : topic if !contains(["work", "refused"], topic)], ["reports-bigquery", "reports-evidence"]) : "\"${var.name}-${id}\""])})" }
    triggers   = { seconds = var.alert_lag_seconds, subscriptions = "monitoring.regex.full_match(\"eventarc-[a-z0-9-]*${var.name}-.*\")" }
    work       = { seconds = max(3600, var.alert_lag_seconds), subscriptions = "one_of(\"${var.name}-work\")" }
  } : which => one if which != "triggers" || var.triggers }
}

# A metric cannot be alerted on for a while after it is made (404 Cannot find metric,
# hashicorp/terraform-provider-google#11102). Where a minute is not enough, apply again.
resource "time_sleep" "metrics" {
  create_duration = var.creation_wait
  depends_on      = [google_logging_metric.count, google_logging_metric.spread]
}

resource "google_monitoring_alert_policy" "counted" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = each.key == "errors" ? var.notification_channels : local.digest_channels
  user_labels           = local.labels

  conditions {
    display_name = local.counts[each.value.metric].title
    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.count[each.value.metric].name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "0s"

      aggregations {
        alignment_period     = "${each.value.window}s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = [for label in each.value.by : "metric.label.${label}"]
      }
    }
  }

  alert_strategy {
    auto_close = "7200s"
  }

  documentation {
    content   = local.playbooks[each.key]
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metrics]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  project               = var.project_id
  display_name          = "${var.name}: messages could not be delivered"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  dynamic "conditions" {
    for_each = var.dead_letters

    content {
      display_name = "Messages among the ${conditions.key}"
      condition_threshold {
        filter          = "resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=\"${conditions.value}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
        comparison      = "COMPARISON_GT"
        threshold_value = 0
        duration        = "0s"

        aggregations {
          alignment_period   = "300s"
          per_series_aligner = "ALIGN_MAX"
        }
      }
    }
  }

  documentation {
    content   = local.playbooks["dead-letters"]
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "lag" {
  project               = var.project_id
  display_name          = "${var.name}: deliveries lag behind"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  dynamic "conditions" {
    for_each = local.lagging

    content {
      display_name = "The oldest message waits for too long (${conditions.key})"
      condition_threshold {
        filter          = "resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=${conditions.value.subscriptions} AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
        comparison      = "COMPARISON_GT"
        threshold_value = conditions.value.seconds
        duration        = "300s"

        aggregations {
          alignment_period   = "60s"
          per_series_aligner = "ALIGN_MAX"
        }
      }
    }
  }

  # The age of a subscription's messages does not include the delay of the sink.
  conditions {
    display_name = "Heartbeats arrive late"
    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.spread["heartbeat-lag"].name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_lag_seconds
      duration        = "0s"

      aggregations {
        alignment_period     = "1800s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_50"
      }
    }
  }

  documentation {
    content   = local.playbooks["lag"]
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metrics]
}

# Cloud Monitoring notices an absence only where a heartbeat arrived within the time that a
# condition covers, 23 hours and a half at most. The day-one check of deploy/README.md
# notices that none ever arrived.
resource "google_monitoring_alert_policy" "no_heartbeat" {
  project               = var.project_id
  display_name          = "${var.name}: no heartbeat arrives"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "No heartbeat"
    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.count["heartbeats"].name}\""
      duration = "${var.alert_heartbeat_minutes * 60}s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = local.playbooks["no-heartbeat"]
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metrics]
}
