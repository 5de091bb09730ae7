output "alerts" {
  description = "The names of the alerts that the watch looks for."
  value = concat([for alert in concat(values(google_monitoring_alert_policy.counted), values(google_monitoring_alert_policy.named)) : alert.name], [
    google_monitoring_alert_policy.no_heartbeat.name, google_monitoring_alert_policy.lag.name,
    google_monitoring_alert_policy.dead_letters.name, google_monitoring_alert_policy.harm.name,
    google_monitoring_alert_policy.guard_changed.name, google_monitoring_alert_policy.controls_changed.name,
    google_monitoring_alert_policy.configuration_changed.name,
  ], [for alert in google_monitoring_alert_policy.signing_key : alert.name])
}
