# Refused requests and schedules. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  image          = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
}

run "the_schedule_can_be_chosen" {
  variables {
    sweep_schedule = "13 */2 * * *"
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep["own"].schedule == "13 */2 * * *"
    error_message = "the schedule was not taken"
  }
}
