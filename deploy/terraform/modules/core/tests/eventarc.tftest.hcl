# Eventarc triggers. A mocked trigger has no subscription, which only Google could
# name, so the commands are looked at without. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

override_resource {
  target = google_service_account.trigger
  values = {
    email = "iapguard-trigger@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-trigger@my-project.iam.gserviceaccount.com"
  }
}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  image          = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
}

run "triggers_alone" {
  variables {
    intake = ["eventarc"]
  }
  assert {
    condition     = strcontains(google_cloud_run_v2_service_iam_policy.function.policy_data, "serviceAccount:iapguard-trigger@my-project.iam.gserviceaccount.com") && strcontains(local.environment["IAPGUARD_CALLERS_EVENTS"], "iapguard-trigger@my-project.iam.gserviceaccount.com")
    error_message = "the triggers may not invoke, or are not believed"
  }
  assert {
    condition     = !contains(keys(google_project_iam_member.function), "iapguardHeartbeat")
    error_message = "a sink, or the right to write log entries, is there unasked"
  }
  assert {
    condition     = local.environment["IAPGUARD_HEARTBEAT"] == "projects/my-project/topics/iapguard-events" && jsondecode(google_pubsub_topic_iam_policy.topic["events"].policy_data).bindings == [{ role = "roles/pubsub.publisher", members = ["serviceAccount:${google_service_account.function.email}"] }]
    error_message = "without a sink the heartbeat has to begin at the topic"
  }
  assert {
    condition     = contains(keys(google_project_service.api), "eventarc.googleapis.com")
    error_message = "Eventarc's API is not enabled"
  }
}

run "triggers_and_a_sink" {
  variables {
    intake = ["sink", "eventarc"]
  }
  assert {
    condition     = local.environment["IAPGUARD_HEARTBEAT"] == "projects/my-project" && !strcontains(google_pubsub_topic_iam_policy.topic["events"].policy_data, google_service_account.function.email)
    error_message = "one of the two intakes is missing, or the heartbeat does not go through the sink"
  }
}
