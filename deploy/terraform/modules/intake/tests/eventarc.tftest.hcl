# Eventarc triggers. A mocked trigger has no subscription, which only Google could
# name, so the commands are looked at without. Nothing here calls Google.

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

run "triggers_alone" {
  variables {
    intake            = ["eventarc"]
    eventarc_delivery = "by-hand"
  }
  assert {
    condition     = length(google_eventarc_trigger.audit) == length(local.intake.eventarc) && length(google_eventarc_trigger.audit) > 0
    error_message = "there are ${length(google_eventarc_trigger.audit)} triggers for ${length(local.intake.eventarc)} methods"
  }
  assert {
    condition = toset([for trigger in google_eventarc_trigger.audit : join(" ", concat([trigger.location], sort([for criteria in trigger.matching_criteria : "${criteria.attribute}=${criteria.value}"])))]) == toset([
      for each in local.intake.eventarc : join(" ", concat([each.location == "region" ? "europe-west1" : each.location], sort(["methodName=${each.methodName}", "serviceName=${each.serviceName}", "type=google.cloud.audit.log.v1.written"])))
    ])
    error_message = "a trigger matches something else than its method, or is elsewhere"
  }
  assert {
    condition     = alltrue([for each in local.intake.eventarc : contains(["us-central1", "global"], each.location) if each.serviceName == "compute.googleapis.com"])
    error_message = "Compute Engine's events do not come from there"
  }
  assert {
    condition     = alltrue([for trigger in google_eventarc_trigger.audit : can(regex("^[a-z][a-z0-9-]{0,61}[a-z0-9]$", trigger.name))]) && length(distinct(values(google_eventarc_trigger.audit)[*].name)) == length(google_eventarc_trigger.audit)
    error_message = "names: ${join(", ", values(google_eventarc_trigger.audit)[*].name)}"
  }
  assert {
    condition     = alltrue([for trigger in google_eventarc_trigger.audit : trigger.service_account == "iapguard-trigger@my-project.iam.gserviceaccount.com" && trigger.destination[0].cloud_run_service[0].service == "iapguard" && trigger.destination[0].cloud_run_service[0].region == "europe-west1" && trigger.destination[0].cloud_run_service[0].path == "/"])
    error_message = "a trigger delivers elsewhere, or as somebody else"
  }
  assert {
    condition     = google_project_iam_member.trigger_receives[0].role == "roles/eventarc.eventReceiver"
    error_message = "the triggers receive nothing"
  }
  assert {
    condition     = length(output.eventarc_delivery) == length(google_eventarc_trigger.audit) && alltrue([for command in output.eventarc_delivery : startswith(command, "gcloud pubsub subscriptions update ") && endswith(command, local.eventarc_flags)])
    error_message = "not every subscription is named: ${jsonencode(output.eventarc_delivery)}"
  }
  assert {
    condition     = local.eventarc_flags == "--project=my-project --quiet --ack-deadline=600 --min-retry-delay=10s --max-retry-delay=120s --dead-letter-topic=projects/my-project/topics/iapguard-dead-letters --max-delivery-attempts=30 --expiration-period=never"
    error_message = "the subscriptions would be delivered otherwise: ${local.eventarc_flags}"
  }
  assert {
    condition     = length(terraform_data.eventarc_delivery) == 0 && keys(google_pubsub_subscription_iam_policy.eventarc) == keys(google_eventarc_trigger.audit) && alltrue([for policy in google_pubsub_subscription_iam_policy.eventarc : jsondecode(policy.policy_data).bindings == [{ role = "roles/pubsub.subscriber", members = ["serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"] }]])
    error_message = "gcloud is run although by hand was asked for, or dead letters cannot be taken away"
  }
  assert {
    condition     = length(google_logging_project_sink.sink) == 0
    error_message = "a sink, or the right to write log entries, is there unasked"
  }
}

# Planned only: an apply would run gcloud.
run "gcloud_is_run_once_for_each_trigger" {
  command = plan
  variables {
    intake = ["eventarc"]
  }
  assert {
    condition     = length(terraform_data.eventarc_delivery) == length(local.intake.eventarc) && length(output.eventarc_delivery) == 0
    error_message = "not every trigger's subscription is changed"
  }
}

run "triggers_and_a_sink" {
  variables {
    intake            = ["sink", "eventarc"]
    eventarc_delivery = "by-hand"
  }
  assert {
    condition     = length(google_eventarc_trigger.audit) > 0 && keys(google_logging_project_sink.sink) == ["events"]
    error_message = "one of the two intakes is missing, or the heartbeat does not go through the sink"
  }
}
