# One project, as a team begins. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"

  topics = {
    events         = "projects/my-project/topics/iapguard-events"
    refused        = "projects/my-project/topics/iapguard-refused"
    "dead-letters" = "projects/my-project/topics/iapguard-dead-letters"
  }
  service         = "iapguard"
  trigger_account = "iapguard-trigger@my-project.iam.gserviceaccount.com"
  own_accounts    = ["iapguard@my-project.iam.gserviceaccount.com"]
}

run "a_sink_an_alert_a_sweep_and_a_heartbeat_feed_it" {
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["events"] && google_logging_project_sink.sink["events"].destination == "pubsub.googleapis.com/projects/my-project/topics/iapguard-events" && google_logging_project_sink.sink["events"].project == "my-project" && google_logging_project_sink.sink["events"].unique_writer_identity
    error_message = "the sink is not as it should be"
  }
  assert {
    condition     = strcontains(google_logging_project_sink.sink["events"].filter, "\"iapguard@my-project.iam.gserviceaccount.com\"") && !strcontains(google_logging_project_sink.sink["events"].filter, "$${")
    error_message = "the filter does not know the function's account: ${google_logging_project_sink.sink["events"].filter}"
  }
  assert {
    condition     = length(google_logging_metric.refused_requests) == 1 && google_monitoring_notification_channel.refused[0].labels.topic == "projects/my-project/topics/iapguard-refused"
    error_message = "refused requests do not reach the function"
  }
  assert {
    condition     = length(google_eventarc_trigger.audit) + length(google_logging_folder_sink.sink) + length(google_logging_organization_sink.sink) == 0
    error_message = "triggers or sinks elsewhere, unasked"
  }
}

run "another_project_can_be_watched" {
  variables {
    scope = "projects/other-project"
  }
  assert {
    condition     = google_logging_project_sink.sink["events"].project == "other-project"
    error_message = "the scope is not the project that was named"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["controls", "events"] && google_logging_metric.refused_requests[0].project == "other-project"
    error_message = "refused requests are counted elsewhere, or changes of organisation policies do not arrive"
  }
}
