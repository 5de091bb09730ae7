# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  dead_letters   = { "dead-letters" = "iapguard-dead-letters" }
}

# notification_channels has oncall: write names such as projects/my-project/notificationChannels
run "a_channel_by_its_display_name" {
  command = plan

  variables {
    notification_channels = ["oncall"]
  }
  expect_failures = [var.notification_channels]
}

# alert_exposed_minutes is 5: write a whole number from 15
run "an_alert_during_an_ordinary_protection" {
  command = plan

  variables {
    alert_exposed_minutes = 5
  }
  expect_failures = [var.alert_exposed_minutes]
}

# alert_waiting_minutes is 2880: write a whole number from 60 to 1440
run "a_wait_longer_than_the_audit_log_is_read" {
  command = plan

  variables {
    alert_waiting_minutes = 2880
  }
  expect_failures = [var.alert_waiting_minutes]
}

# alert_lag_seconds is 10: write a whole number from 120
run "a_lag_shorter_than_the_pause_between_deliveries" {
  command = plan

  variables {
    alert_lag_seconds = 10
  }
  expect_failures = [var.alert_lag_seconds]
}

# alert_heartbeat_minutes is 1: write a whole number from 5 to 1380
run "an_absence_of_one_minute" {
  command = plan

  variables {
    alert_heartbeat_minutes = 1
  }
  expect_failures = [var.alert_heartbeat_minutes]
}

# project_number is "my-project": write the number
run "an_id_for_the_number" {
  command = plan

  variables {
    project_number = "my-project"
  }
  expect_failures = [var.project_number]
}

# creation_wait is "1m": write seconds such as 60s
run "minutes_for_seconds" {
  command = plan

  variables {
    creation_wait = "1m"
  }
  expect_failures = [var.creation_wait]
}

# digest_channels has mail: write names such as projects/my-project/notificationChannels
run "a_channel_of_the_digest_by_its_display_name" {
  command = plan

  variables {
    digest_channels = ["mail"]
  }
  expect_failures = [var.digest_channels]
}

# protect_minutes is 0: write minutes from 1 to 1440, or null
run "no_time_to_close" {
  command = plan

  variables {
    protect_minutes = 0
  }
  expect_failures = [var.protect_minutes]
}

# protect_goal is 95: write a part between 0 and 1, such as 0.95
run "a_goal_in_per_cent" {
  command = plan

  variables {
    protect_goal = 95
  }
  expect_failures = [var.protect_goal]
}

# notification_routes has shops without projects or rules: it would get every message
run "a_route_of_everything" {
  command = plan

  variables {
    notification_routes = { shops = { channels = ["projects/my-project/notificationChannels/1"] } }
  }
  expect_failures = [var.notification_routes]
}

# a route of notification_routes has something else than a channel: write names
run "a_route_to_a_display_name" {
  command = plan

  variables {
    notification_routes = { shops = { projects = ["shop-prod"], channels = ["oncall"] } }
  }
  expect_failures = [var.notification_routes]
}
