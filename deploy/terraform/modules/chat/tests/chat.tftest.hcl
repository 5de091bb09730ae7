# Messages of a chat. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

variables {
  project_id   = "my-project"
  pubsub_agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
  webhook      = "https://chat.googleapis.com/v1/spaces/AAAA1234/messages?key=K&token=T"

  topics = {
    reports        = "projects/my-project/topics/iapguard-reports"
    "dead-letters" = "projects/my-project/topics/iapguard-dead-letters"
  }
}

run "the_body_is_the_message_alone" {
  assert {
    condition     = google_pubsub_subscription.chat.push_config[0].no_wrapper[0].write_metadata && google_pubsub_subscription.chat.push_config[0].push_endpoint == var.webhook
    error_message = "the webhook would get Pub/Sub's wrapping, or no type of the body"
  }
  assert {
    condition     = google_pubsub_subscription.chat.message_transforms[0].javascript_udf[0].function_name == "toChat" && length(google_pubsub_subscription.chat.message_transforms[0].javascript_udf[0].code) < 20000
    error_message = "Pub/Sub would refuse the function"
  }
}

run "the_outcomes_that_were_asked_for" {
  variables {
    outcomes = ["blocked", "waiting"]
  }
  assert {
    condition     = startswith(google_pubsub_subscription.chat.message_transforms[0].javascript_udf[0].code, "const outcomes = [\"blocked\",\"waiting\"];\n")
    error_message = "messages are made of other outcomes"
  }
}
