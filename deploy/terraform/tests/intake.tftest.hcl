# Refused requests and schedules. Nothing here calls Google.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard:v1"
}

run "refused_requests_one_by_one" {
  variables {
    refused_requests = "sink"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["events", "requests"] && google_logging_project_sink.sink["requests"].destination == "pubsub.googleapis.com/projects/my-project/topics/iapguard-events"
    error_message = "refused requests do not come one by one"
  }
  assert {
    condition     = strcontains(google_logging_project_sink.sink["requests"].filter, "httpRequest.status=(401 OR 403)")
    error_message = "the filter is ${google_logging_project_sink.sink["requests"].filter}"
  }
  assert {
    condition     = length(google_logging_metric.refused_requests) + length(google_monitoring_notification_channel.events) + length(google_monitoring_alert_policy.refused_requests) + length(google_pubsub_topic_iam_member.monitoring_publishes) == 0
    error_message = "they come as an alert too"
  }
}

# Each of the following runs applies on top of the one before.

run "two_sinks_of_a_project_have_one_publishing_grant" {
  variables {
    refused_requests = "sink"
  }
  assert {
    condition     = { for parent, grant in google_pubsub_topic_iam_member.sinks_publish : parent => "${grant.topic} ${grant.role} ${grant.member}" } == { "projects/my-project" = "iapguard-events roles/pubsub.publisher serviceAccount:sink@gcp-sa-logging.iam.gserviceaccount.com" }
    error_message = "the project's sinks do not have one publishing grant"
  }
}

run "the_grant_stays_when_the_second_sink_is_turned_off" {
  variables {
    refused_requests = "off"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["events"] && keys(google_pubsub_topic_iam_member.sinks_publish) == ["projects/my-project"]
    error_message = "the events sink lost its publishing grant with the other sink"
  }
}

run "the_grant_stays_when_the_first_sink_is_turned_off" {
  variables {
    intake            = ["eventarc"]
    eventarc_delivery = "by-hand"
    refused_requests  = "sink"
  }
  assert {
    condition     = keys(google_logging_project_sink.sink) == ["requests"] && keys(google_pubsub_topic_iam_member.sinks_publish) == ["projects/my-project"]
    error_message = "the requests sink has no publishing grant of its own"
  }
}

run "no_sink_no_publishing_grant" {
  variables {
    intake            = ["eventarc"]
    eventarc_delivery = "by-hand"
    refused_requests  = "off"
  }
  assert {
    condition     = length(google_logging_project_sink.sink) + length(google_pubsub_topic_iam_member.sinks_publish) == 0
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

run "the_schedule_can_be_chosen" {
  variables {
    sweep_schedule = "13 */2 * * *"
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep["own"].schedule == "13 */2 * * *"
    error_message = "the schedule was not taken"
  }
}
