output "alerts" {
  description = "The names of the alerts that the watch looks for."
  value = [for alert in concat(
    values(google_monitoring_alert_policy.counted), values(google_monitoring_alert_policy.named), values(google_monitoring_alert_policy.on_line),
    [google_monitoring_alert_policy.no_heartbeat, google_monitoring_alert_policy.lag, google_monitoring_alert_policy.dead_letters],
  ) : alert.name]
}
