# Refused requests and schedules. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

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

run "refused_requests_one_by_one" {
  variables {
    refused_requests = "sink"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["events", "requests"] && google_logging_project_sink.sink["requests"].destination == "pubsub.googleapis.com/projects/my-project/topics/iapguard-refused"
    error_message = "refused requests do not come one by one"
  }
  assert {
    condition     = strcontains(google_logging_project_sink.sink["requests"].filter, "httpRequest.status=(401 OR 403)")
    error_message = "the filter is ${google_logging_project_sink.sink["requests"].filter}"
  }
  assert {
    condition     = length(google_logging_metric.refused_requests) + length(google_monitoring_notification_channel.refused) + length(google_monitoring_alert_policy.refused_requests) == 0
    error_message = "they come as an alert too"
  }
}

run "a_sink_that_is_turned_off_publishes_no_longer" {
  variables {
    refused_requests = "off"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["events"]
    error_message = "the events sink lost its grant with the other sink, or the other one keeps it"
  }
}

run "no_sink_no_publisher" {
  variables {
    intake            = ["eventarc"]
    eventarc_delivery = "by-hand"
    refused_requests  = "off"
  }
  assert {
    condition     = length(google_logging_project_sink.sink) == 0
    error_message = "Cloud Logging may still publish"
  }
}

run "refused_requests_not_at_all" {
  variables {
    refused_requests = "off"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["events"] && length(google_logging_metric.refused_requests) == 0
    error_message = "they come although they were switched off"
  }
}

run "refused_requests_as_one_alert_for_each_service" {
  assert {
    condition = { for condition in google_monitoring_alert_policy.refused_requests[0].conditions : condition.condition_threshold[0].filter => join(" ", condition.condition_threshold[0].aggregations[0].group_by_fields) } == {
      "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/iapguard-refused-requests\""             = "resource.label.project_id resource.label.location resource.label.service_name"
      "resource.type=\"http_load_balancer\" AND metric.type=\"logging.googleapis.com/user/iapguard-refused-requests\""             = "resource.label.project_id resource.label.backend_service_name"
      "resource.type=\"http_external_regional_lb_rule\" AND metric.type=\"logging.googleapis.com/user/iapguard-refused-requests\"" = "resource.label.project_id resource.label.region resource.label.backend_target_name"
      "resource.type=\"internal_http_lb_rule\" AND metric.type=\"logging.googleapis.com/user/iapguard-refused-requests\""          = "resource.label.project_id resource.label.region resource.label.backend_target_name"
    }
    error_message = "an incident would not say who refuses, or the alert looks at another metric"
  }
  assert {
    condition     = google_logging_metric.refused_requests[0].name == "iapguard-refused-requests" && strcontains(google_logging_metric.refused_requests[0].filter, "httpRequest.status=(401 OR 403)") && google_logging_metric.refused_requests[0].metric_descriptor[0].metric_kind == "DELTA"
    error_message = "the metric counts something else"
  }
}

run "refused_requests_of_another_project_are_counted_there" {
  variables {
    scope = "projects/shop-prod"
  }
  assert {
    condition     = google_logging_metric.refused_requests[0].project == "shop-prod" && google_monitoring_alert_policy.refused_requests[0].project == "shop-prod" && google_monitoring_notification_channel.refused[0].project == "shop-prod" && google_monitoring_notification_channel.refused[0].labels.topic == "projects/my-project/topics/iapguard-refused"
    error_message = "a metric counts the entries of its own project alone"
  }
}
