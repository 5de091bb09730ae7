# Alerts on one line of the log each, with the page of deploy/playbooks that has the key as its
# name. An alert with a condition of this kind has no other one.

locals {
  # Who did what to which resource, from a line of the audit log.
  from_audit_log = {
    principal = "EXTRACT(protoPayload.authenticationInfo.principalEmail)"
    method    = "EXTRACT(protoPayload.methodName)"
    resource  = "EXTRACT(protoPayload.resourceName)"
  }

  # Comments stand at the head of each file.
  controls_filter = join(" OR ", [for text in [
    file("${path.module}/../../../filters/orgpolicy.filter"),
    templatefile("${path.module}/../../../filters/alerts.filter", { project = var.project_id, number = var.project_number }),
  ] : "(${join("\n", [for line in split("\n", text) : line if !startswith(line, "--")])})"])

  # From the project's own audit log, where an incident is over after half an hour. That log
  # does not show changes of a sink in a folder or organisation: there the heartbeat stops.
  changed = {
    configuration-changed = {
      title  = "somebody changed its sinks, triggers, subscriptions, secrets or jobs", severity = "WARNING"
      what   = "A change of what the function rests on"
      filter = templatefile("${path.module}/../../../filters/changes.filter", { name = var.name })
    }
    # Who else could act in its place.
    guard-changed = {
      title  = "the guard itself, or who may act as it, has changed", severity = "ERROR"
      what   = "A new revision, image or environment, or a grant on the guard's resources"
      filter = templatefile("${path.module}/../../../filters/guard.filter", { name = var.name, role = replace(var.name, "-", "_"), project = var.project_id, number = var.project_number })
    }
    # What watches the guard, and what keeps the gap from opening at all. This alert reports
    # the change of itself that turns it off, if a notification channel is still there.
    controls-changed = {
      title  = "somebody changed its alerts, or organisation policies that prevent exposure", severity = "ERROR"
      what   = "A change of an organisation policy, an alert, a channel or a metric"
      filter = local.controls_filter
    }
    # Where there is a key: without it reports stay unsigned, and nothing else shows.
    signing-key = {
      title  = "somebody changed the key that signs reports", severity = "ERROR"
      what   = "A version that was disabled or destroyed, or a grant on the key"
      filter = templatefile("${path.module}/../../../filters/signing.filter", { name = var.name })
    }
  }

  # From the function's own log. One line is enough for a page, whatever the mode.
  logged = {
    harm = {
      title  = "nobody gets in any more where a service was closed", severity = "CRITICAL"
      what   = "A report with the finding HARM"
      filter = "${local.report_line} AND jsonPayload.codes=\"HARM\""
      labels = { target = "EXTRACT(jsonPayload.target)", rule = "EXTRACT(jsonPayload.rule)" }
    }
    break-glass = {
      title  = "somebody opened a door on purpose", severity = "CRITICAL", what = "A line in the log", labels = null
      filter = "${local.own_line} AND jsonPayload.message=\"break glass: a door was opened on purpose\""
    }
    holds-unreadable = {
      title  = "the holds cannot be read", severity = "ERROR", what = "A line in the log", labels = null
      filter = "${local.own_line} AND jsonPayload.message:\"the holds cannot be read\""
    }
    # The last good policy stays in force meanwhile: see deploy/docs/reference/policy.md.
    policy = {
      title  = "a policy version does not come into force", severity = "ERROR", what = "A line in the log", labels = null
      filter = "${local.own_line} AND (jsonPayload.message:\"the policy cannot be read\" OR jsonPayload.message:\"a policy version waits\")"
    }
  }

  on_lines = merge(
    { for page, alert in local.changed : page => merge(alert, { labels = local.from_audit_log, close = "1800s" }) if page != "signing-key" || var.signing_key_version != null },
    { for page, alert in local.logged : page => merge(alert, { close = "7200s" }) },
  )
}

resource "google_monitoring_alert_policy" "on_line" {
  for_each = local.on_lines

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.what
    condition_matched_log {
      filter           = each.value.filter
      label_extractors = each.value.labels
    }
  }

  alert_strategy {
    auto_close = each.value.close
    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    content   = local.playbooks[each.key]
    mime_type = "text/markdown"
  }
}

# Each was a resource of its own.
moved {
  from = google_monitoring_alert_policy.configuration_changed
  to   = google_monitoring_alert_policy.on_line["configuration-changed"]
}

moved {
  from = google_monitoring_alert_policy.guard_changed
  to   = google_monitoring_alert_policy.on_line["guard-changed"]
}

moved {
  from = google_monitoring_alert_policy.controls_changed
  to   = google_monitoring_alert_policy.on_line["controls-changed"]
}

moved {
  from = google_monitoring_alert_policy.signing_key["reports"]
  to   = google_monitoring_alert_policy.on_line["signing-key"]
}

moved {
  from = google_monitoring_alert_policy.harm
  to   = google_monitoring_alert_policy.on_line["harm"]
}

moved {
  from = google_monitoring_alert_policy.break_glass
  to   = google_monitoring_alert_policy.on_line["break-glass"]
}

moved {
  from = google_monitoring_alert_policy.holds_unreadable
  to   = google_monitoring_alert_policy.on_line["holds-unreadable"]
}

moved {
  from = google_monitoring_alert_policy.policy
  to   = google_monitoring_alert_policy.on_line["policy"]
}
