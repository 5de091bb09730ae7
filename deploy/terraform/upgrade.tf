# Until this version each grant was a resource of its own, and now each resource has one
# policy. Terraform may destroy an old grant after it has set the new policy, which would
# take away what the policy has just granted, and with it events. So it forgets the grants
# instead: the policy sets what holds.

removed {
  from = google_pubsub_topic_iam_member.sink_publishes

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_topic_iam_member.sinks_publish

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_topic_iam_member.monitoring_publishes

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_topic_iam_member.agent_dead_letters

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_topic_iam_member.function_publishes

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_subscription_iam_member.agent_acknowledges

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_subscription_iam_member.agent_acknowledges_reports

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_pubsub_subscription_iam_member.agent_acknowledges_eventarc

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_service_account_iam_member.function_as_writer

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_service_account_iam_member.pubsub_signs

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_secret_manager_secret_iam_member.function_reads

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_secret_manager_secret_iam_member.holders

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_secret_manager_secret_iam_member.memory_key

  lifecycle {
    destroy = false
  }
}

removed {
  from = google_cloud_run_v2_service_iam_binding.invokers

  lifecycle {
    destroy = false
  }
}

# Refused requests have dead letters of their own; the others stay where they are.
moved {
  from = google_pubsub_subscription.dead_letters
  to   = google_pubsub_subscription.dead_letters["dead-letters"]
}
