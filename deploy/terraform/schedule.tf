# Events can be lost, so a sweep looks at every service once an hour. Work that waits
# is woken every minute.

locals {
  # One project is swept by name. Elsewhere a sweep without a target covers the
  # projects that the policy names in full, and sweep_projects names others.
  sweeps = local.in_project ? { own = "projects/${local.scope_id}" } : merge(
    { policy = null },
    { for project in var.sweep_projects : project => "projects/${project}" },
  )
}

# Cloud Scheduler publishes as its own agent, which enabling its API creates.
resource "google_cloud_scheduler_job" "sweep" {
  for_each = local.sweeps

  project     = var.project_id
  region      = var.region
  name        = contains(["own", "policy"], each.key) ? "${var.name}-sweep" : "${var.name}-sweep-${replace(replace(each.key, ".", "-"), ":", "-")}"
  description = "iapguard looks at ${each.value == null ? "every project that its policy names in full" : each.value}."
  schedule    = var.sweep_schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = local.topics["commands"]
    data       = base64encode(jsonencode(merge({ command = "sweep" }, each.value == null ? {} : { target = each.value })))
  }
}

# Work that waits longer than one delivery is stored in the memory, by the minute. This
# job wakes it; each run also handles the minutes that were missed.
resource "google_cloud_scheduler_job" "due" {
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-due"
  description = "iapguard resumes the work that is due."
  schedule    = "* * * * *"
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = local.topics["commands"]
    data       = base64encode(jsonencode({ command = "due" }))
  }
}

# The heartbeat takes the whole path of an event: with a sink, from a log entry in the
# resource whose logs the sink routes; otherwise from the topic on. The function logs
# its delay, and an alert fires when none arrives.
resource "google_cloud_scheduler_job" "heartbeat" {
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-heartbeat"
  description = "A heartbeat for iapguard, to show that events arrive."
  schedule    = var.heartbeat_schedule
  time_zone   = "Etc/UTC"
  # Only HTTP targets have a deadline.
  attempt_deadline = local.sinks ? "30s" : null

  dynamic "http_target" {
    for_each = google_service_account.heartbeat

    content {
      uri         = "https://logging.googleapis.com/v2/entries:write"
      http_method = "POST"
      headers     = { "Content-Type" = "application/json" }
      body = base64encode(jsonencode({
        logName  = "${local.scope}/logs/iapguard-heartbeat"
        resource = { type = "global" }
        entries  = [{ severity = "INFO", jsonPayload = { iapguard = "heartbeat" } }]
      }))
      oauth_token {
        service_account_email = http_target.value.email
        scope                 = "https://www.googleapis.com/auth/logging.write"
      }
    }
  }

  dynamic "pubsub_target" {
    for_each = local.sinks ? [] : ["events"]

    content {
      topic_name = local.topics[pubsub_target.value]
      data       = base64encode(jsonencode({ iapguard = "heartbeat" }))
    }
  }

  depends_on = [google_project_service.api]
}

# Writing log entries where the sink is, and nothing else. On a folder or an
# organisation the role also covers every project below: this account can add entries
# to their logs, but never to audit logs, and reads nothing.
resource "google_project_iam_member" "heartbeat" {
  count = local.sinks && local.in_project ? 1 : 0

  project = local.scope_id
  role    = "roles/logging.logWriter"
  member  = "serviceAccount:${google_service_account.heartbeat[0].email}"
}

# The same where the sink is a folder's.
resource "google_folder_iam_member" "heartbeat" {
  count = local.sinks && local.scope_kind == "folders" ? 1 : 0

  folder = local.scope
  role   = "roles/logging.logWriter"
  member = "serviceAccount:${google_service_account.heartbeat[0].email}"
}

# The same where the sink is the organisation's.
resource "google_organization_iam_member" "heartbeat" {
  count = local.sinks && local.scope_kind == "organizations" ? 1 : 0

  org_id = local.scope_id
  role   = "roles/logging.logWriter"
  member = "serviceAccount:${google_service_account.heartbeat[0].email}"
}
