# What Google would say of resources that tests look into.

mock_data "google_project" {
  defaults = { number = "123456789012", billing_account = "012345-6789AB-CDEF01" }
}

mock_data "google_folder" {
  defaults = { lifecycle_state = "ACTIVE" }
}

mock_resource "google_service_account" {
  defaults = { name = "projects/my-project/serviceAccounts/mocked@my-project.iam.gserviceaccount.com" }
}

mock_resource "google_cloud_run_v2_service" {
  defaults = { uri = "https://iapguard-abc-ew.a.run.app" }
}

mock_resource "google_logging_project_sink" {
  defaults = { writer_identity = "serviceAccount:sink@gcp-sa-logging.iam.gserviceaccount.com" }
}

mock_resource "google_logging_folder_sink" {
  defaults = { writer_identity = "serviceAccount:f-sink@gcp-sa-logging.iam.gserviceaccount.com" }
}

mock_resource "google_logging_organization_sink" {
  defaults = { writer_identity = "serviceAccount:o-sink@gcp-sa-logging.iam.gserviceaccount.com" }
}

mock_resource "google_monitoring_alert_policy" {
  defaults = { name = "projects/my-project/alertPolicies/1" }
}
