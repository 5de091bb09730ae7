# Metrics from the function's log lines. alerts.tf has the alerts on
# them, and dashboard.tf shows them.

locals {
  # A line that the function wrote. Cloud Run's request log does not count: the
  # function answers 503 to ask for another delivery, which is an error there.
  own_line = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}\" AND resource.labels.location=\"${var.region}\" AND NOT log_id(\"run.googleapis.com/requests\")"
  # One line for each published report (docs/reference/reports.md).
  report_line = "${local.own_line} AND jsonPayload.message=\"report\""
  # Rules that only report raise no alert, unless alert_report_only is set. A
  # report without a service has no mode.
  alerting = var.alert_report_only ? local.report_line : "${local.report_line} AND NOT jsonPayload.mode=\"report-only\""

  whose = { project = "jsonPayload.project", team = "jsonPayload.team" }

  counts = {
    reports = {
      title  = "Reports"
      filter = local.report_line
      labels = merge(local.whose, { outcome = "jsonPayload.outcome", mode = "jsonPayload.mode", exposed = "jsonPayload.exposed" })
    }
    exposed = {
      title  = "Looks at services whose door has been open for too long"
      filter = "${local.alerting} AND jsonPayload.exposed=\"yes\" AND jsonPayload.exposed_minutes>=${var.alert_exposed_minutes} AND NOT jsonPayload.outcome=(\"exempt\" OR \"uncovered\")"
      labels = local.whose
    }
    unknown = {
      title  = "Looks at services with a door that may be open"
      filter = "${local.alerting} AND jsonPayload.exposed=\"unknown\" AND NOT jsonPayload.accepted=true AND NOT jsonPayload.outcome=(\"exempt\" OR \"uncovered\")"
      # A service that cannot be read has no label that names its team.
      labels = { project = local.whose.project }
    }
    waiting = {
      title  = "Looks at services that have been waiting for too long"
      filter = "${local.alerting} AND jsonPayload.outcome=\"waiting\" AND jsonPayload.waiting_minutes>=${var.alert_waiting_minutes}"
      labels = local.whose
    }
    blocked = {
      title  = "Looks at services that a person must unblock"
      filter = "${local.alerting} AND jsonPayload.outcome=\"blocked\""
      labels = local.whose
    }
    contested = {
      title  = "Looks at services whose protection is undone again and again"
      filter = "${local.alerting} AND jsonPayload.outcome=\"contested\""
      labels = merge(local.whose, { actor = "jsonPayload.actor" })
    }
    held = {
      title  = "Looks at services that a hold, a limit or the circuit breaker stopped"
      filter = "${local.alerting} AND jsonPayload.outcome=\"held\""
      labels = local.whose
    }
    errors = {
      title  = "Lines of severity ERROR"
      filter = "${local.own_line} AND severity>=ERROR"
      labels = {}
    }
    heartbeats = {
      title  = "Heartbeats that arrived"
      filter = "${local.own_line} AND jsonPayload.message=\"heartbeat\""
      labels = {}
    }
  }

  # Distributions.
  spreads = {
    closed-after = {
      title  = "Minutes for which a door was open before it was closed"
      unit   = "min"
      filter = "${local.report_line} AND jsonPayload.exposed=\"no\" AND jsonPayload.exposed_minutes>=0"
      value  = "jsonPayload.exposed_minutes"
      labels = local.whose
    }
    heartbeat-lag = {
      title  = "Seconds from a heartbeat's writing to its arrival"
      unit   = "s"
      filter = "${local.own_line} AND jsonPayload.message=\"heartbeat\" AND jsonPayload.lag_seconds>=0"
      value  = "jsonPayload.lag_seconds"
      labels = {}
    }
  }
}

resource "google_logging_metric" "count" {
  for_each = local.counts

  project          = var.project_id
  name             = "${var.name}-${each.key}"
  description      = each.value.title
  filter           = each.value.filter
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(${field})" }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = each.value.title

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }
}

resource "google_logging_metric" "spread" {
  for_each = local.spreads

  project          = var.project_id
  name             = "${var.name}-${each.key}"
  description      = each.value.title
  filter           = each.value.filter
  value_extractor  = "EXTRACT(${each.value.value})"
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(${field})" }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    display_name = each.value.title

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  # From one minute to more than a week.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 28
      growth_factor      = 1.4
      scale              = 1
    }
  }
}
