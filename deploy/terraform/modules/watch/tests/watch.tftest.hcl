# The watch over the guard. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

variables {
  project_id            = "my-project"
  project_number        = "123456789012"
  scope                 = "projects/shop-prod"
  region                = "europe-west1"
  reports_dataset       = "iapguard"
  notification_channels = ["projects/my-project/notificationChannels/1"]
}

run "it_is_off_by_default" {
  assert {
    condition     = length(google_bigquery_data_transfer_config.watch) == 0 && length(google_service_account.watch) == 0 && length(google_cloud_scheduler_job.export) == 0
    error_message = "The watch is on, and nobody asked for it."
  }
}

run "it_looks_at_the_scope_and_tells_its_own_channels" {
  variables {
    watch = { channels = ["projects/my-project/notificationChannels/2"] }
  }
  assert {
    condition     = google_cloud_scheduler_job.export["services"].http_target[0].uri == "https://cloudasset.googleapis.com/v1/projects/shop-prod:exportAssets"
    error_message = "The inventory is of ${google_cloud_scheduler_job.export["services"].http_target[0].uri}"
  }
  assert {
    condition     = google_monitoring_alert_policy.blind["watch"].notification_channels == toset(["projects/my-project/notificationChannels/2"]) || tolist(google_monitoring_alert_policy.blind["watch"].notification_channels) == tolist(["projects/my-project/notificationChannels/2"])
    error_message = "The alert goes elsewhere."
  }
  assert {
    condition     = strcontains(google_bigquery_data_transfer_config.watch["watch"].params.query, "`my-project.iapguard.reports`") && !strcontains(google_bigquery_data_transfer_config.watch["watch"].params.query, "$${")
    error_message = "The query asks other tables."
  }
}
