# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  project_id   = "my-project"
  pubsub_agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
  webhook      = "https://chat.googleapis.com/v1/spaces/AAAA1234/messages?key=K&token=T"

  topics = {
    reports        = "projects/my-project/topics/iapguard-reports"
    "dead-letters" = "projects/my-project/topics/iapguard-dead-letters"
  }
}

# webhook is not an address of an incoming webhook: copy it from the space
run "another_address" {
  command = plan

  variables {
    webhook = "https://example.com/hook"
  }
  expect_failures = [var.webhook]
}

# outcomes has open: write one outcome or more
run "no_outcome" {
  command = plan

  variables {
    outcomes = ["protected", "open"]
  }
  expect_failures = [var.outcomes]
}
