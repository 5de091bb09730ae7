# No topic has a schema: Pub/Sub would refuse a message that does not match, and one
# missing field would stop protection.

resource "google_pubsub_topic" "topic" {
  for_each = toset(local.intake.topics)

  project    = var.project_id
  name       = "${var.name}-${each.key}"
  labels     = local.labels
  depends_on = [google_project_service.api]
}

locals {
  # The full name of each, known before it is made.
  topics = { for key, topic in google_pubsub_topic.topic : key => "projects/${topic.project}/topics/${topic.name}" }
}

resource "google_pubsub_subscription" "push" {
  for_each = local.pushed_to

  project = var.project_id
  name    = "${var.name}-${each.key}"
  topic   = local.topics[each.key]
  labels  = local.labels

  # Longer than any request takes, so nothing is delivered again in the meantime.
  ack_deadline_seconds = tonumber(trimsuffix(local.delivery.ackDeadline, "s"))
  # What is older is dropped. Refused requests are many, and the next one says the same.
  message_retention_duration = local.deliveries[each.key].retention
  # Changing this makes the subscription anew, and drops what it holds: the next sweep
  # looks at those services.
  enable_message_ordering = local.ordered[each.key]

  push_config {
    push_endpoint = "${local.address}${each.value}"
    oidc_token {
      service_account_email = google_service_account.pusher[each.key].email
      audience              = local.audience
    }
  }

  retry_policy {
    minimum_backoff = local.delivery.minimumBackoff
    maximum_backoff = local.delivery.maximumBackoff
  }

  dead_letter_policy {
    dead_letter_topic     = local.topics[local.deliveries[each.key].deadLetters]
    max_delivery_attempts = local.deliveries[each.key].attempts
  }

  # "" means never. A month without messages must not delete the subscription.
  expiration_policy {
    ttl = ""
  }

  # A push that comes before the pusher may invoke is refused, and retried.
  depends_on = [google_cloud_run_v2_service_iam_policy.function, google_service_account_iam_policy.pushers]
}

# Messages that could not be delivered wait here for a person, for as long as Pub/Sub
# keeps messages. The subscriptions themselves do not expire. Refused requests have a topic
# of their own: anybody can cause them, and they must not hide what else failed.
resource "google_pubsub_subscription" "dead_letters" {
  for_each = local.dead_letters

  project                    = var.project_id
  name                       = "${var.name}-${each.key}"
  topic                      = local.topics[each.key]
  labels                     = local.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

# Google makes Pub/Sub's agent with a project's first topic, and a policy that names it sooner
# is refused: "Service account service-N@gcp-sa-pubsub… does not exist" (reported). The
# provider does not wait for it.
resource "time_sleep" "agents" {
  create_duration = var.creation_wait
  depends_on      = [google_pubsub_topic.topic]
}

locals {
  dead_letters = toset([for topic in local.intake.topics : topic if endswith(topic, "dead-letters")])
  pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # Who may publish on which topic. Cloud Scheduler publishes commands as its own agent, by
  # that agent's role on the project.
  publishers = {
    # The sinks of one parent share one writer identity (logging/docs/routing). Without a sink
    # the function begins its heartbeats on the topic.
    events                 = concat(var.event_publishers, local.sinks ? [] : [local.function])
    work                   = [local.function]
    commands               = sort(var.commanders)
    refused                = var.refused_publishers
    reports                = [local.function]
    "dead-letters"         = [local.pubsub_agent]
    "refused-dead-letters" = [local.pubsub_agent]
  }
}

# The whole policy of each topic: nobody else publishes, and nobody subscribes. A role on
# the project would let the function send itself commands.
resource "google_pubsub_topic_iam_policy" "topic" {
  for_each = toset(local.intake.topics)

  project = var.project_id
  topic   = google_pubsub_topic.topic[each.key].name
  policy_data = jsonencode({ bindings = [
    for role in length(local.publishers[each.key]) > 0 ? ["roles/pubsub.publisher"] : [] : { role = role, members = local.publishers[each.key] }
  ] })

  depends_on = [time_sleep.agents]
}

# Pub/Sub moves a message to the dead letters as its own agent: it publishes there, and
# acknowledges the message where it came from. Nobody else reads or acknowledges.
resource "google_pubsub_subscription_iam_policy" "push" {
  for_each = google_pubsub_subscription.push

  project      = var.project_id
  subscription = each.value.name
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [local.pubsub_agent] }] })
}

# Dead letters name people, and are put back by an owner of the project.
resource "google_pubsub_subscription_iam_policy" "dead_letters" {
  for_each = google_pubsub_subscription.dead_letters

  project      = var.project_id
  subscription = each.value.name
  policy_data  = jsonencode({ bindings = [] })
}
