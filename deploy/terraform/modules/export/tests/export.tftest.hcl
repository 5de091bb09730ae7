# Exports. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  evidence   = "gs://iapguard-evidence-123456789012"
}

run "nothing_is_exported_by_default" {
  assert {
    condition     = length(google_cloud_run_v2_job.export) + length(google_service_account.export) + length(google_organization_iam_member.findings) == 0 && output.readers == []
    error_message = "something is exported, and nobody asked for it"
  }
}

run "findings_and_events_by_one_account" {
  variables {
    exports = { scc_source = "organizations/12/sources/34", ocsf = true }
  }
  assert {
    condition     = google_cloud_run_v2_job.export["scc"].template[0].template[0].containers[0].args == tolist(["reports", "--from=gs://iapguard-evidence-123456789012", "--since=70m", "--format=scc", "--source=organizations/12/sources/34", "--write"])
    error_message = "the job is run otherwise"
  }
  assert {
    condition     = google_organization_iam_member.findings["12"].role == "roles/securitycenter.findingsEditor" && length(output.readers) == 1 && keys(google_cloud_scheduler_job.hourly) == ["ocsf", "scc"]
    error_message = "the account may do something else, or nothing runs the jobs"
  }
}
