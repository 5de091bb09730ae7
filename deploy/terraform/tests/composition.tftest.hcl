# How the parts fit together. What each does is tested in its own folder. Nothing here calls
# Google.

mock_provider "google" {
  source = "./tests/google"
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "one_project" {
  variables {
    scope = "projects/shop-prod"
  }
  assert {
    condition     = output.topics["events"] == "projects/my-project/topics/iapguard-events" && output.evidence == "gs://iapguard-evidence-123456789012" && output.memory == "gs://iapguard-memory-123456789012" && output.eventarc_delivery == []
    error_message = "the outputs are others"
  }
}

run "the_guards_own_project_with_everything" {
  variables {
    allow_guard_in_guarded_project = true
    organization_id                = "987654321"
    mode                           = "enforce"
    intake                         = ["sink", "eventarc"]
    eventarc_delivery              = "by-hand"
    refused_requests               = "sink"
    preventive                     = ["ingress", "invoker", "iap"]
  }
  assert {
    condition     = length(output.eventarc_delivery) > 70
    error_message = "not every trigger's subscription is named"
  }
}

run "a_folder" {
  variables {
    scope           = "folders/333"
    organization_id = "987654321"
    writers         = { "folders/333" = { bound = true } }
  }
  assert {
    condition     = keys(output.writers) == ["folders/333"] && output.roles["iapguardWriter"] == "organizations/987654321/roles/iapguardWriter"
    error_message = "the folder has no writer, or a role of its own"
  }
}

run "an_organisation" {
  variables {
    scope = "organizations/987654321"
  }
  assert {
    condition     = length(output.writers) == 0 && contains(keys(output.roles), "iapguardAncestors")
    error_message = "somebody writes unasked, or what is above a project is not read"
  }
}

# A folder that was deleted is there for 30 days, and takes grants no more.
run "a_folder_that_was_deleted" {
  command = plan

  variables {
    scope           = "folders/333"
    organization_id = "987654321"
  }

  override_data {
    target = data.google_folder.named["folders/333"]
    values = { lifecycle_state = "DELETE_REQUESTED" }
  }

  expect_failures = [data.google_folder.named]
}

run "a_project_that_nobody_pays_for" {
  command = plan

  variables {
    scope = "projects/my-shop"
  }

  override_data {
    target = data.google_project.own
    values = { number = "123456789012", billing_account = "" }
  }

  expect_failures = [check.billing]
}
