# A folder and a whole organisation, where each folder is written by an account of
# its own, and only once it is bound. Nothing here calls Google.

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
  scope           = "organizations/987654321"
}

run "an_organisation_is_looked_at_and_nobody_may_write" {
  assert {
    condition     = { for name, sink in google_logging_organization_sink.sink : name => "${sink.destination} ${sink.org_id} ${sink.include_children}" } == { controls = "logging.googleapis.com/projects/my-project 987654321 true", events = "pubsub.googleapis.com/projects/my-project/topics/iapguard-events 987654321 true" }
    error_message = "the sinks are not as they should be"
  }
  assert {
    condition     = google_project_iam_member.controls_arrive["organizations/987654321"].member == "serviceAccount:o-sink@gcp-sa-logging.iam.gserviceaccount.com"
    error_message = "the organisation's sinks cannot write, or somebody else publishes"
  }
  assert {
    condition     = length(google_logging_metric.refused_requests) + length(google_monitoring_alert_policy.refused_requests) == 0
    error_message = "a metric would count the function's own project alone"
  }
}

run "a_folder_that_is_bound_is_the_wave_and_others_stay_planned" {
  variables {
    own_accounts = ["iapguard@my-project.iam.gserviceaccount.com", "iapguard-writer-111@my-project.iam.gserviceaccount.com", "iapguard-writer-222@my-project.iam.gserviceaccount.com"]
  }
  assert {
    condition     = strcontains(google_logging_organization_sink.sink["events"].filter, "iapguard-writer-111@") && strcontains(google_logging_organization_sink.sink["events"].filter, "iapguard-writer-222@")
    error_message = "the filter does not know the writers: ${google_logging_organization_sink.sink["events"].filter}"
  }
}

run "a_folder_has_the_roles_of_its_organisation" {
  variables {
    scope = "folders/333"
  }
  assert {
    condition     = google_logging_folder_sink.sink["events"].folder == "folders/333" && google_logging_folder_sink.sink["events"].include_children
    error_message = "the folder's sink is not as it should be"
  }
}
