# Visitors who get 403. With an alert the function gets one message for a service
# that refuses visitors; with a sink (sinks.tf) it gets each request. Both go to the
# topic refused, and never to that of events: anybody can send requests that are refused.
# Metric, channel and alert stand in the project that is watched, whose entries they count.

locals {
  refused_alert = local.refused_requests == "alert"

  # What the function reads from an incident: the resource that refuses, and the
  # labels that identify it. Cloud Run refuses as the service; IAP refuses at a load
  # balancer's backend service.
  refusals = {
    cloud_run_revision             = { title = "Cloud Run refuses requests", by = ["project_id", "location", "service_name"] }
    http_load_balancer             = { title = "IAP refuses visitors of a global load balancer", by = ["project_id", "backend_service_name"] }
    http_external_regional_lb_rule = { title = "IAP refuses visitors of a regional load balancer", by = ["project_id", "region", "backend_target_name"] }
    internal_http_lb_rule          = { title = "IAP refuses visitors of an internal load balancer", by = ["project_id", "region", "backend_target_name"] }
  }
}

resource "google_logging_metric" "refused_requests" {
  count = local.refused_alert ? 1 : 0

  project     = local.scope_id
  name        = "${var.name}-refused-requests"
  description = "Requests that Cloud Run or IAP refused: deploy/filters/requests.filter of iapguard's repository."
  filter      = templatefile("${path.module}/../../../filters/requests.filter", { own = local.own })

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Requests that Cloud Run or IAP refused"
  }
}

resource "google_monitoring_notification_channel" "refused" {
  count = local.refused_alert ? 1 : 0

  project      = local.scope_id
  display_name = "${var.name}: refused requests"
  type         = "pubsub"
  labels = {
    topic = var.topics["refused"]
  }
  user_labels = local.labels
}

# A metric cannot be alerted on for a while after it is made (404 Cannot find metric,
# hashicorp/terraform-provider-google#11102). Where a minute is not enough, apply again.
resource "time_sleep" "metric" {
  count = local.refused_alert ? 1 : 0

  create_duration = var.creation_wait
  depends_on      = [google_logging_metric.refused_requests]
}

# Cloud Monitoring notifies as the agent of the project that has the channel; the first
# channel of this kind creates it (monitoring/support/notification-options). The topic's policy lets
# it publish.
locals {
  monitoring_agent = "serviceAccount:service-${coalesce(var.scope_number, var.project_number)}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
}

resource "google_monitoring_alert_policy" "refused_requests" {
  count = local.refused_alert ? 1 : 0

  project               = local.scope_id
  display_name          = "${var.name}: visitors are refused"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.refused[0].id]
  user_labels           = local.labels

  dynamic "conditions" {
    for_each = local.refusals

    content {
      display_name = conditions.value.title
      condition_threshold {
        filter          = "resource.type=\"${conditions.key}\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.refused_requests[0].name}\""
        comparison      = "COMPARISON_GT"
        threshold_value = 0
        duration        = "0s"

        aggregations {
          alignment_period     = "60s"
          per_series_aligner   = "ALIGN_DELTA"
          cross_series_reducer = "REDUCE_SUM"
          group_by_fields      = [for label in conditions.value.by : "resource.label.${label}"]
        }
      }
    }
  }

  alert_strategy {
    # The shortest possible time: a service that still refuses then is notified again.
    auto_close           = "1800s"
    notification_prompts = ["OPENED"]
  }

  documentation {
    content   = "For the function, not for people: it finds out why the service refuses, and publishes a report."
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metric]
}
