# Reports as messages of a chat. Pub/Sub turns each report into the text of a message with
# chat.js, and posts it to the webhook: nothing else runs. A space that does not answer
# delays no report of another subscription.

locals {
  # How it is delivered: the file that the tests hold against the code.
  delivery = yamldecode(file("${path.module}/../../../intake.yaml")).delivery

  labels = merge({ app = var.name }, var.labels)
}

resource "google_pubsub_subscription" "chat" {
  project = var.project_id
  name    = "${var.name}-reports-chat"
  topic   = var.topics["reports"]
  labels  = local.labels

  # A filter of the subscription has 256 bytes at most, and cannot be changed.
  message_transforms {
    javascript_udf {
      function_name = "toChat"
      code          = "const outcomes = ${jsonencode(sort(var.outcomes))};\n${file("${path.module}/chat.js")}"
    }
  }

  # The body is the message alone, as the webhook takes it. With the metadata go the attributes
  # that chat.js leaves: the type of the body is among them.
  push_config {
    push_endpoint = var.webhook
    no_wrapper {
      write_metadata = true
    }
  }

  ack_deadline_seconds = 60
  # Yesterday's messages help nobody.
  message_retention_duration = "86400s"

  retry_policy {
    minimum_backoff = local.delivery.minimumBackoff
    maximum_backoff = local.delivery.maximumBackoff
  }

  dead_letter_policy {
    dead_letter_topic     = var.topics["dead-letters"]
    max_delivery_attempts = local.delivery.attempts
  }

  expiration_policy {
    ttl = ""
  }
}

# To move a report to the dead letters, the agent acknowledges it here. Nobody else does.
resource "google_pubsub_subscription_iam_policy" "chat" {
  project      = var.project_id
  subscription = google_pubsub_subscription.chat.name
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [var.pubsub_agent] }] })
}
