# One sink sees every method, the readiness entries among them, of everything in
# the scope. It leaves the logs where they are, and copies what matters.

locals {
  # Our own writes, which need no second look. The list as Logging's filters have it.
  own = "(${join(" OR ", [for account in var.own_accounts : "\"${account}\""])})"

  filters = merge(
    local.sinks ? { events = templatefile("${path.module}/../../../filters/events.filter", { own = local.own }) } : {},
    local.refused_requests == "sink" ? { requests = templatefile("${path.module}/../../../filters/requests.filter", { own = local.own }) } : {},
    local.controls_elsewhere ? { controls = file("${path.module}/../../../filters/orgpolicy.filter") } : {},
  )

  # Each kind of scope has a resource of its own, and Terraform wants the keys
  # before it knows the filters.
  sink_names = toset(concat(local.sinks ? ["events"] : [], local.refused_requests == "sink" ? ["requests"] : [], local.controls_elsewhere ? ["controls"] : []))

  # An alert on log entries sees its own project's alone, so what happens to the
  # organisation policies of another scope is brought here.
  controls_elsewhere = local.scope != "projects/${var.project_id}"

  sink_descriptions = {
    events   = "What iapguard looks at: deploy/filters/events.filter of its repository."
    requests = "Requests that Cloud Run or IAP refused: deploy/filters/requests.filter of iapguard's repository."
    controls = "Changes of organisation policies that prevent exposure: deploy/filters/orgpolicy.filter of iapguard's repository."
  }
  sink_destinations = {
    events   = "pubsub.googleapis.com/${var.topics["events"]}"
    requests = "pubsub.googleapis.com/${var.topics["refused"]}"
    controls = "logging.googleapis.com/projects/${var.project_id}"
  }
}

resource "google_logging_project_sink" "sink" {
  for_each = local.in_project ? local.sink_names : []

  project                = local.scope_id
  name                   = "${var.name}-${each.key}"
  description            = local.sink_descriptions[each.key]
  destination            = local.sink_destinations[each.key]
  filter                 = local.filters[each.key]
  unique_writer_identity = true
}

resource "google_logging_folder_sink" "sink" {
  for_each = local.scope_kind == "folders" ? local.sink_names : []

  folder           = local.scope
  name             = "${var.name}-${each.key}"
  description      = local.sink_descriptions[each.key]
  destination      = local.sink_destinations[each.key]
  filter           = local.filters[each.key]
  include_children = true
}

resource "google_logging_organization_sink" "sink" {
  for_each = local.scope_kind == "organizations" ? local.sink_names : []

  org_id           = local.scope_id
  name             = "${var.name}-${each.key}"
  description      = local.sink_descriptions[each.key]
  destination      = local.sink_destinations[each.key]
  filter           = local.filters[each.key]
  include_children = true
}

locals {
  sink_writers = merge(
    { for name, sink in google_logging_project_sink.sink : name => sink.writer_identity },
    { for name, sink in google_logging_folder_sink.sink : name => sink.writer_identity },
    { for name, sink in google_logging_organization_sink.sink : name => sink.writer_identity },
  )
}

# Writing the entries of the sink controls into the log of the guard's project. The
# identity is Google's own, and writes what the sinks of the scope select.
resource "google_project_iam_member" "controls_arrive" {
  for_each = toset(local.controls_elsewhere ? [local.scope] : [])

  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = local.sink_writers["controls"]

  depends_on = [time_sleep.agents]
}
