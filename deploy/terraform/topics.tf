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
  # Changing this makes the subscription anew, and drops what it holds: the next sweep
  # looks at those services.
  enable_message_ordering = local.ordered[each.key]

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.function.uri}${each.value}"
    oidc_token {
      service_account_email = google_service_account.pusher.email
      # Cloud Run takes tokens for the service's own address, without a path.
      audience = google_cloud_run_v2_service.function.uri
    }
  }

  retry_policy {
    minimum_backoff = local.delivery.minimumBackoff
    maximum_backoff = local.delivery.maximumBackoff
  }

  dead_letter_policy {
    dead_letter_topic     = local.topics["dead-letters"]
    max_delivery_attempts = local.delivery.attempts
  }

  # "" means never. A month without messages must not delete the subscription.
  expiration_policy {
    ttl = ""
  }

  # A push that comes before the pusher may invoke is refused, and retried.
  depends_on = [google_cloud_run_v2_service_iam_binding.invokers, google_service_account_iam_member.pubsub_signs]
}

# Messages that could not be delivered wait here for a person, for as long as Pub/Sub
# keeps messages. The subscription itself does not expire.
resource "google_pubsub_subscription" "dead_letters" {
  project                    = var.project_id
  name                       = "${var.name}-dead-letters"
  topic                      = local.topics["dead-letters"]
  labels                     = local.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.own.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Pub/Sub moves a message to the dead letters as its own agent: it publishes
# there, and acknowledges the message where it came from.
resource "google_pubsub_topic_iam_member" "agent_dead_letters" {
  project = var.project_id
  topic   = google_pubsub_topic.topic["dead-letters"].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

# The other half: acknowledging the message where it could not be delivered.
resource "google_pubsub_subscription_iam_member" "agent_acknowledges" {
  for_each = google_pubsub_subscription.push

  project      = var.project_id
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# The function publishes its reports, one work message for each service, and without a sink
# its heartbeats: on these topics only. With the role on the project it could send itself
# commands.
resource "google_pubsub_topic_iam_member" "function_publishes" {
  for_each = toset(concat(["reports", "work"], local.sinks ? [] : ["events"]))

  project = var.project_id
  topic   = google_pubsub_topic.topic[each.key].name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:${google_service_account.function.email}"
}
