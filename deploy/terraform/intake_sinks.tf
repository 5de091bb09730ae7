# One sink sees every method, the readiness entries among them, of everything in
# the scope. It leaves the logs where they are, and copies what matters.

locals {
  # Our own writes, which need no second look. The list as Logging's filters have it.
  own_accounts = concat([google_service_account.function.email], [for folder in sort(keys(var.writers)) : google_service_account.writer[folder].email])
  own          = "(${join(" OR ", [for account in local.own_accounts : "\"${account}\""])})"

  filters = merge(
    local.sinks ? { events = templatefile("${path.module}/../filters/events.filter", { own = local.own }) } : {},
    local.refused_requests == "sink" ? { requests = templatefile("${path.module}/../filters/requests.filter", { own = local.own }) } : {},
  )

  # Each kind of scope has a resource of its own, and Terraform wants the keys
  # before it knows the filters.
  sink_names = toset(concat(local.sinks ? ["events"] : [], local.refused_requests == "sink" ? ["requests"] : []))

  sink_descriptions = {
    events   = "What iapguard looks at: deploy/filters/events.filter of its repository."
    requests = "Requests that Cloud Run or IAP refused: deploy/filters/requests.filter of iapguard's repository."
  }
  sink_destination = "pubsub.googleapis.com/${local.topics["events"]}"
}

resource "google_logging_project_sink" "sink" {
  for_each = local.in_project ? local.sink_names : []

  project                = local.scope_id
  name                   = "${var.name}-${each.key}"
  description            = local.sink_descriptions[each.key]
  destination            = local.sink_destination
  filter                 = local.filters[each.key]
  unique_writer_identity = true
}

resource "google_logging_folder_sink" "sink" {
  for_each = local.scope_kind == "folders" ? local.sink_names : []

  folder           = local.scope
  name             = "${var.name}-${each.key}"
  description      = local.sink_descriptions[each.key]
  destination      = local.sink_destination
  filter           = local.filters[each.key]
  include_children = true
}

resource "google_logging_organization_sink" "sink" {
  for_each = local.scope_kind == "organizations" ? local.sink_names : []

  org_id           = local.scope_id
  name             = "${var.name}-${each.key}"
  description      = local.sink_descriptions[each.key]
  destination      = local.sink_destination
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

# Cloud Logging publishes to the events topic, and to no other. All sinks of one
# parent share one writer identity (logging/docs/routing), so the parent has one
# grant, whichever of its sinks are on: with a grant for each sink, turning one
# sink off took away what the other needed.
resource "google_pubsub_topic_iam_member" "sinks_publish" {
  for_each = toset(length(local.sink_names) > 0 ? [local.scope] : [])

  project = var.project_id
  topic   = google_pubsub_topic.topic["events"].name
  role    = "roles/pubsub.publisher"
  member  = values(local.sink_writers)[0]

  lifecycle {
    # The identity of a parent does not change. A plan does not know it for a sink
    # that is about to be created, and would replace the grant.
    ignore_changes = [member]
  }
}

check "sinks_share_one_writer_identity" {
  assert {
    condition     = length(distinct(values(local.sink_writers))) <= 1
    error_message = "The sinks of ${local.scope} have different writer identities, and only one may publish: grant roles/pubsub.publisher on ${local.topics["events"]} to each of ${join(", ", values(local.sink_writers))}."
  }
}

# Until this version each sink had a grant, and two of them were the same one. A
# moved block cannot merge two addresses, and destroying either would take the
# grant away. So Terraform forgets them, and adds the grant that is still there.
removed {
  from = google_pubsub_topic_iam_member.sink_publishes

  lifecycle {
    destroy = false
  }
}
