# The dashboard can be imported as it is, too: gcloud monitoring dashboards create
# --config-from-file=deploy/dashboards/iapguard.json. Here every name in it is this
# deployment's.
resource "google_monitoring_dashboard" "iapguard" {
  project        = var.project_id
  dashboard_json = replace(file("${path.module}/../../../dashboards/iapguard.json"), "iapguard", var.name)

  depends_on = [google_logging_metric.count, google_logging_metric.spread]
}
