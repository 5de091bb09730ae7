# Alerts that name the service: each is about one line of the log, whose fields are in the
# message's subject. A sweep says the same again every hour; the rate limit and the time until
# an incident closes by itself keep that from being a message each time.

locals {
  # What an alert on a report takes from its line. Monitoring puts each in the place of
  # $${log.extracted_label.NAME} in subject and text (monitoring/alerts/log-based-alerts).
  from_report = { for label, field in {
    target = "target", service = "service", location = "location", project = "project", minutes = "exposed_minutes",
    why    = "why", outcome = "outcome", rule = "rule", team = "team", actor = "actor", user_agent = "user_agent",
  } : label => "EXTRACT(jsonPayload.${field})" }

  named = {
    exposed-too-long = {
      title   = "a service is exposed for too long", metric = "exposed", severity = "CRITICAL"
      subject = "open $${log.extracted_label.minutes} min: $${log.extracted_label.service} ($${log.extracted_label.location}, $${log.extracted_label.project}): $${log.extracted_label.why}"
    }
    exposure-unknown = {
      title   = "it is not known whether a service is exposed", metric = "unknown", severity = "CRITICAL"
      subject = "not known whether open: $${log.extracted_label.service} ($${log.extracted_label.location}, $${log.extracted_label.project}): $${log.extracted_label.why}"
    }
    contested = {
      title   = "somebody keeps undoing a protection", metric = "contested", severity = "ERROR"
      subject = "undone again by $${log.extracted_label.actor}: $${log.extracted_label.service} ($${log.extracted_label.location}, $${log.extracted_label.project}): $${log.extracted_label.why}"
    }
  }

  # Who gets which message is decided by the project of the service and the rule of the
  # policy. The label team is only shown: who deploys a service writes it.
  routes = merge({ "" = { only = "", channels = var.notification_channels } }, { for name, route in var.notification_routes : " ${name}" => {
    channels = route.channels
    only = join("", [for field, values in { project = route.projects, rule = route.rules } :
    " AND jsonPayload.${field}=(${join(" OR ", [for value in sort(values) : "\"${value}\""])})" if length(values) > 0])
  } })
  routed = merge([for key, alert in local.named : { for name, route in local.routes : "${key}${name}" => merge(alert, { page = key, route = route }) }]...)

  console_logs = "https://console.cloud.google.com/logs/query;query="

  about_service = join(" ", [
    "`$${log.extracted_label.target}`: outcome `$${log.extracted_label.outcome}`, rule `$${log.extracted_label.rule}`.",
    "[Its page](https://console.cloud.google.com/run/detail/$${log.extracted_label.location}/$${log.extracted_label.service}/security?project=$${log.extracted_label.project}).",
    "Its label *team*, as claimed: `$${log.extracted_label.team}`.\n\n",
  ])

  digest_channels = length(var.digest_channels) > 0 ? var.digest_channels : var.notification_channels
}

resource "google_monitoring_alert_policy" "named" {
  for_each = local.routed

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}${each.key == each.value.page ? "" : " (${trimprefix(each.key, "${each.value.page} ")})"}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = each.value.route.channels
  user_labels           = local.labels

  conditions {
    display_name = local.counts[each.value.metric].title
    condition_matched_log {
      filter           = "${local.counts[each.value.metric].filter}${each.value.route.only}"
      label_extractors = local.from_report
    }
  }

  alert_strategy {
    auto_close = "7200s"
    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    subject   = each.value.subject
    content   = "${local.about_service}${local.playbooks[each.value.page]}"
    mime_type = "text/markdown"

    links {
      display_name = "Its reports in the log"
      url          = "${local.console_logs}${urlencode("${local.counts[each.value.metric].filter}${each.value.route.only}")}?project=${var.project_id}"
    }
    links {
      display_name = "Playbook"
      url          = "https://github.com/iapguard/iapguard/blob/main/deploy/playbooks/${each.value.page}.md"
    }
  }
}

# These were alerts on counts until they named the service.
moved {
  from = google_monitoring_alert_policy.counted["exposed-too-long"]
  to   = google_monitoring_alert_policy.named["exposed-too-long"]
}

moved {
  from = google_monitoring_alert_policy.counted["exposure-unknown"]
  to   = google_monitoring_alert_policy.named["exposure-unknown"]
}

moved {
  from = google_monitoring_alert_policy.counted["contested"]
  to   = google_monitoring_alert_policy.named["contested"]
}

# Once a day, one message about what stands. Cloud Scheduler sends the command (modules/core),
# and the function logs the line.
resource "google_monitoring_alert_policy" "digest" {
  project               = var.project_id
  display_name          = "${var.name}: what stands today"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.digest_channels
  user_labels           = local.labels

  conditions {
    display_name = "The line of the digest"
    condition_matched_log {
      filter           = "${local.own_line} AND jsonPayload.message=\"digest\""
      label_extractors = { for label in ["open", "holds", "overdue", "guarded", "open_services", "unread"] : label => "EXTRACT(jsonPayload.${label})" }
    }
  }

  alert_strategy {
    auto_close = "1800s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    subject   = "today: $${log.extracted_label.open} open, $${log.extracted_label.holds} held, $${log.extracted_label.overdue} looks overdue, $${log.extracted_label.guarded} guarded"
    content   = "Open: $${log.extracted_label.open_services}\n\nNot read: $${log.extracted_label.unread}\n\n${local.playbooks["digest"]}"
    mime_type = "text/markdown"
  }
}
