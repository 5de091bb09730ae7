# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

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

# write "gcloud", or "by-hand"
run "an_unknown_way_to_change_subscriptions" {
  command = plan

  variables {
    eventarc_delivery = "import"
  }
  expect_failures = [var.eventarc_delivery]
}

# refused_requests is "metric": write "alert", "sink" or "off"
run "an_unknown_way_to_hear_of_refusals" {
  command = plan

  variables {
    refused_requests = "metric"
  }
  expect_failures = [var.refused_requests]
}

# a log-based metric counts the entries of one project alone
run "an_alert_for_an_organisation" {
  command = plan

  variables {
    refused_requests = "alert"
    scope            = "organizations/987654321"
  }
  expect_failures = [var.refused_requests]
}
