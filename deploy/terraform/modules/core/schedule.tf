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
# job wakes it; each run also handles the minutes that were missed. With each the function
# begins a heartbeat, signed with a key in the memory. It takes the whole path of an event:
# with a sink, from a log entry in the resource whose logs the sink routes; otherwise from
# the topic on. The function logs its delay, and an alert fires when none arrives.
resource "google_cloud_scheduler_job" "due" {
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-due"
  description = "iapguard resumes the work that is due, and begins a heartbeat."
  schedule    = "* * * * *"
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = local.topics["commands"]
    data       = base64encode(jsonencode({ command = "due" }))
  }
}

# The function logs one line about what is open, held or late, and an alert makes a message
# of it (modules/monitoring).
resource "google_cloud_scheduler_job" "digest" {
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-digest"
  description = "iapguard says once a day what stands."
  schedule    = var.digest_schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = local.topics["commands"]
    data       = base64encode(jsonencode({ command = "digest" }))
  }
}
