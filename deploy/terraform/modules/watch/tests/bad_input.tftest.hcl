# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  project_id            = "my-project"
  project_number        = "123456789012"
  scope                 = "projects/shop-prod"
  region                = "europe-west1"
  reports_dataset       = "iapguard"
  notification_channels = ["projects/my-project/notificationChannels/1"]
}

# watch.channels has oncall: write names such as projects/my-project/notificationChannels/1234567890
run "a_channel_of_the_watch_by_its_title" {
  command = plan

  variables {
    watch = { channels = ["oncall"] }
  }
  expect_failures = [var.watch]
}

# watch.channels has no channel beside those of notification_channels
run "a_watch_that_uses_the_channels_of_the_guard" {
  command = plan

  variables {
    notification_channels = ["projects/my-project/notificationChannels/1"]
    watch                 = { channels = ["projects/my-project/notificationChannels/1"] }
  }
  expect_failures = [var.watch]
}

# watch.ignored has projects/sandbox: write project ids, without projects/
run "an_ignored_project_by_resource_name" {
  command = plan

  variables {
    watch = { channels = ["projects/my-project/notificationChannels/2"], ignored = ["projects/sandbox"] }
  }
  expect_failures = [var.watch]
}
