# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  pubsub_agent   = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"

  topics = {
    reports        = "projects/my-project/topics/iapguard-reports"
    "dead-letters" = "projects/my-project/topics/iapguard-dead-letters"
  }
}

# reports_location is "eu-west": write EU, US, or a region
run "half_a_region_for_the_reports" {
  command = plan

  variables {
    reports_location = "eu-west"
  }
  expect_failures = [var.reports_location]
}

# reports_days is 2: write a whole number of days from 8
run "reports_of_two_days" {
  command = plan

  variables {
    reports_days = 2
  }
  expect_failures = [var.reports_days]
}

# report_readers has alice: write user:ALICE@EXAMPLE.COM
run "a_reader_without_a_kind" {
  command = plan

  variables {
    report_readers = ["alice"]
  }
  expect_failures = [var.report_readers]
}

# evidence_days is 0.5: write a whole number of days from 1 to 3650
run "evidence_of_half_a_day" {
  command = plan

  variables {
    evidence_days = 0.5
  }
  expect_failures = [var.evidence_days]
}
