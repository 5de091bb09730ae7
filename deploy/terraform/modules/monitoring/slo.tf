# How fast doors are closed: an objective on the minutes for which each door was open before
# it was closed, and an alert where so many take longer that the month's budget is used up
# early. An open door that nobody closes is not in it: exposed-too-long is about those.

resource "google_monitoring_custom_service" "guard" {
  for_each = toset(var.protect_minutes == null ? [] : ["guard"])

  project      = var.project_id
  service_id   = var.name
  display_name = var.name
}

resource "google_monitoring_slo" "protect" {
  for_each = google_monitoring_custom_service.guard

  project             = var.project_id
  service             = each.value.service_id
  slo_id              = "${var.name}-protect"
  display_name        = "Doors closed within ${var.protect_minutes} minutes"
  goal                = var.protect_goal
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.spread["closed-after"].name}\" resource.type=\"cloud_run_revision\""
      range {
        max = var.protect_minutes
      }
    }
  }
}

# Fast: a twentieth of the budget in an hour would use it up in less than two days
# (sre.google/workbook/alerting-on-slos). Few doors are closed in an hour, so one hour
# alone would fire at the first that takes long: six hours must agree.
resource "google_monitoring_alert_policy" "burn_rate" {
  for_each = google_monitoring_slo.protect

  project               = var.project_id
  display_name          = "${var.name}: doors are closed too slowly"
  combiner              = "AND"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  dynamic "conditions" {
    for_each = { "3600s" = 14.4, "21600s" = 6 }

    content {
      display_name = "Budget used ${conditions.value} times too fast within ${conditions.key}"
      condition_threshold {
        filter          = "select_slo_burn_rate(\"${each.value.name}\", \"${conditions.key}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = conditions.value
        duration        = "0s"
      }
    }
  }

  documentation {
    content   = local.playbooks["slow"]
    mime_type = "text/markdown"
  }
}
