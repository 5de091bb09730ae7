# Google makes the agents of Logging and Monitoring with the first sink and the first
# channel, and a policy that names them sooner is refused (reported). What grants them
# something takes their names from here, and so waits.
resource "time_sleep" "agents" {
  create_duration = var.creation_wait
  depends_on = [
    google_logging_project_sink.sink,
    google_logging_folder_sink.sink,
    google_logging_organization_sink.sink,
    google_monitoring_notification_channel.refused,
  ]
}

# The sinks of one parent share one writer identity (logging/docs/routing), so there is one
# grant on a topic, whichever sinks there are.
output "event_publishers" {
  description = "Who publishes on the topic events."
  value       = [for name, writer in local.sink_writers : writer if name == "events"]
  depends_on  = [time_sleep.agents]
}

output "refused_publishers" {
  description = "Who publishes on the topic refused."
  value = concat(
    [for name, writer in local.sink_writers : writer if name == "requests"],
    local.refused_alert ? [local.monitoring_agent] : [],
  )
  depends_on = [time_sleep.agents]
}

output "eventarc_delivery" {
  description = "What is to be run once for each trigger, where Terraform does not run it."
  value       = var.eventarc_delivery == "by-hand" ? values(local.eventarc_delivery) : []
}

output "parts" {
  description = "The parts that must be there: the asset type of each, and the last two words of its name."
  value       = [for sink in sort(local.sink_names) : { type = "logging.googleapis.com/LogSink", name = "sinks/${var.name}-${sink}" }]
}
