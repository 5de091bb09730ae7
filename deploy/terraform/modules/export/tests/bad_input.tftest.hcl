# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  evidence   = "gs://iapguard-evidence-123456789012"
}

# exports.scc_source is "projects/p/sources/1": write organizations/NUMBER/sources/NUMBER
run "a_source_of_a_project" {
  command = plan

  variables {
    exports = { scc_source = "projects/p/sources/1" }
  }
  expect_failures = [var.exports]
}
