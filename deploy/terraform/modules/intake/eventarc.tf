# A trigger filters on one method, so there is one for each: the list is generated
# from the code, and so is the location. Compute Engine's audit events come from
# us-central1 whatever the region (eventarc/docs/understand-locations).

locals {
  eventarc_list = [for each in local.intake.eventarc : merge(each, {
    location = each.location == "region" ? var.region : each.location
    # google.cloud.run.v1.Services.CreateService becomes run-v1-services-createservice.
    words = trim(lower(replace(trimprefix(each.methodName, "google.cloud."), "/[^A-Za-z0-9]+/", "-")), "-")
  })]

  triggers = local.eventarc ? {
    for each in local.eventarc_list : "${each.serviceName} ${each.methodName}" => merge(each, {
      # At most 63 characters; the end keeps shortened ones apart.
      name = "${var.name}-${trim(substr(each.words, 0, 55 - length(var.name)), "-")}-${substr(sha1("${each.serviceName} ${each.methodName}"), 0, 6)}"
    })
  } : {}
}

# Receiving events: Eventarc requires this role of a trigger's account in the project.
resource "google_project_iam_member" "trigger_receives" {
  count = local.eventarc ? 1 : 0

  project = var.project_id
  role    = "roles/eventarc.eventReceiver"
  member  = "serviceAccount:${var.trigger_account}"
}

resource "google_eventarc_trigger" "audit" {
  for_each = local.triggers

  project         = var.project_id
  name            = each.value.name
  location        = each.value.location
  labels          = local.labels
  service_account = var.trigger_account

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.audit.log.v1.written"
  }
  matching_criteria {
    attribute = "serviceName"
    value     = each.value.serviceName
  }
  matching_criteria {
    attribute = "methodName"
    value     = each.value.methodName
  }

  destination {
    cloud_run_service {
      service = var.service
      region  = var.region
      path    = local.pushed_to["events"]
    }
  }

  depends_on = [google_project_iam_member.trigger_receives]
}

# Eventarc makes a topic and a subscription for each trigger, with a deadline of
# 10 s and no dead letters, and neither its API nor the provider lets a trigger say
# otherwise (eventarc/docs/retry-events: change the subscription;
# hashicorp/terraform-provider-google#17701, #17697). To manage it as a resource it
# would have to be imported, which only a root module can, and only once it is
# there. So gcloud changes it, once for each trigger and whenever this changes.
locals {
  eventarc_flags = join(" ", [
    "--project=${var.project_id} --quiet",
    "--ack-deadline=${trimsuffix(local.delivery.ackDeadline, "s")}",
    "--min-retry-delay=${local.delivery.minimumBackoff} --max-retry-delay=${local.delivery.maximumBackoff}",
    "--dead-letter-topic=${var.topics["dead-letters"]} --max-delivery-attempts=${local.delivery.attempts}",
    "--expiration-period=never",
  ])

  # Each trigger has one.
  eventarc_subscriptions = { for key, trigger in google_eventarc_trigger.audit : key => join("", flatten(trigger.transport[*].pubsub[*].subscription)) }
  eventarc_delivery      = { for key, subscription in local.eventarc_subscriptions : key => "gcloud pubsub subscriptions update ${subscription} ${local.eventarc_flags}" }
}

resource "terraform_data" "eventarc_delivery" {
  for_each = var.eventarc_delivery == "gcloud" ? local.triggers : {}

  triggers_replace = [local.eventarc_delivery[each.key]]

  provisioner "local-exec" {
    command = local.eventarc_delivery[each.key]
  }
}

# As for our own subscriptions: Pub/Sub acknowledges a dead letter at its source, and
# nobody else reads or acknowledges. Eventarc made the subscription; its policy is empty.
resource "google_pubsub_subscription_iam_policy" "eventarc" {
  for_each = local.triggers

  project      = var.project_id
  subscription = local.eventarc_subscriptions[each.key]
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [local.pubsub_agent] }] })
}
