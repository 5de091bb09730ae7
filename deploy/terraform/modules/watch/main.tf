# Who watches the guard? Cloud Monitoring notices the absence of a heartbeat, for at most a
# day. So an hourly query compares the reports with an inventory that the guard does not
# write: Cloud Asset Inventory's, exported to BigQuery. It fails when it finds something,
# and an alert fires for a failed run, and when no run ends at all. Account, tables, jobs
# and notification channels are others than the guard's.
#
# Unverified against Google: that Cloud Asset Inventory exports these asset types with
# these fields, and that a scheduled query may be a script with RAISE. If either is wrong,
# the query fails, and the alert fires.

locals {
  watched = var.watch == null ? [] : ["watch"]
  exports = {
    # Without contentType an export has names and times alone: the environment of services,
    # in which people keep secrets, is not copied.
    services = { parent = local.scope, body = { assetTypes = ["run.googleapis.com/Service"] } }
    sinks    = { parent = local.scope, body = { assetTypes = ["logging.googleapis.com/LogSink"], contentType = "RESOURCE" } }
    own = { parent = "projects/${var.project_id}", body = { contentType = "RESOURCE", assetTypes = [
      "pubsub.googleapis.com/Topic", "pubsub.googleapis.com/Subscription", "cloudscheduler.googleapis.com/Job",
      "monitoring.googleapis.com/AlertPolicy", "monitoring.googleapis.com/NotificationChannel",
    ] } }
  }

  # By the last two words of a name: Google writes some with the project's number.
  watched_names = var.watch == null ? [] : concat(var.alerts, sort(setunion(var.notification_channels, var.watch.channels)))
  watched_parts = concat(var.parts, [for name in local.watched_names : {
    type = "monitoring.googleapis.com/${strcontains(name, "/alertPolicies/") ? "AlertPolicy" : "NotificationChannel"}"
    name = join("/", slice(split("/", name), 2, 4))
  }])

  watch_dataset  = "${var.reports_dataset}_watch"
  watch_tables   = "${var.project_id}.${local.watch_dataset}"
  watch_findings = "${local.watch_tables}.findings"

  # projects/P/locations/L/transferConfigs/ID
  watch_run = "resource.type=\"bigquery_dts_config\" AND resource.label.config_id=\"${join("", [for config in google_bigquery_data_transfer_config.watch : reverse(split("/", config.name))[0]])}\""
}

resource "google_project_service" "watch" {
  for_each = toset(var.watch == null ? [] : ["cloudasset.googleapis.com", "bigquerydatatransfer.googleapis.com"])

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}

resource "google_service_account" "watch" {
  for_each = toset(local.watched)

  project      = var.project_id
  account_id   = "${var.name}-watch"
  display_name = "iapguard, the watch over it"
  description  = "Exports the inventory and runs the query that compares it with the reports. The guard cannot act as it."
}

# Its API makes the agent of BigQuery's scheduler, a while later.
resource "time_sleep" "agent" {
  for_each = toset(local.watched)

  create_duration = var.creation_wait
  depends_on      = [google_project_service.watch]
}

# BigQuery's scheduler runs the query as this account, and nobody else acts as it.
# Source: bigquery/docs/use-service-accounts.
resource "google_service_account_iam_policy" "watch" {
  for_each = toset(local.watched)

  service_account_id = google_service_account.watch[each.key].name
  policy_data = jsonencode({ bindings = [
    { role = "roles/iam.serviceAccountTokenCreator", members = ["serviceAccount:service-${var.project_number}@gcp-sa-bigquerydatatransfer.iam.gserviceaccount.com"] },
  ] })
  depends_on = [time_sleep.agent]
}

# Reading the inventory: names and settings of the scope, and of the guard's own project.
# Source: asset-inventory/docs/roles-permissions.
resource "google_project_iam_member" "watch" {
  for_each = { for why, grant in {
    own   = { project = var.project_id, role = "roles/cloudasset.viewer" }
    jobs  = { project = var.project_id, role = "roles/bigquery.jobUser" }
    scope = { project = local.scope_id, role = "roles/cloudasset.viewer" }
  } : why => grant if var.watch != null && (why != "scope" || local.in_project && local.scope_id != var.project_id) }

  project = each.value.project
  role    = each.value.role
  member  = "serviceAccount:${google_service_account.watch["watch"].email}"
}

# The same where the scope is a folder.
resource "google_folder_iam_member" "watch" {
  for_each = toset(local.scope_kind == "folders" ? local.watched : [])

  folder = local.scope
  role   = "roles/cloudasset.viewer"
  member = "serviceAccount:${google_service_account.watch[each.key].email}"
}

# The same where the scope is an organisation.
resource "google_organization_iam_member" "watch" {
  for_each = toset(local.scope_kind == "organizations" ? local.watched : [])

  org_id = local.scope_id
  role   = "roles/cloudasset.viewer"
  member = "serviceAccount:${google_service_account.watch[each.key].email}"
}

# Each export adds a snapshot. Three days of them show since when a service exists.
resource "google_bigquery_dataset" "watch" {
  for_each = toset(local.watched)

  project                         = var.project_id
  dataset_id                      = local.watch_dataset
  location                        = coalesce(var.reports_location, var.region)
  description                     = "The inventory that iapguard's reports are compared with, and what is missing in them."
  labels                          = local.labels
  default_partition_expiration_ms = 3 * 24 * 60 * 60 * 1000
  delete_contents_on_destroy      = true
}

# It reads the reports, and writes its own tables alone.
resource "google_bigquery_dataset_iam_member" "watch" {
  for_each = { for why, grant in {
    reads  = { dataset = var.reports_dataset, role = "roles/bigquery.dataViewer" }
    writes = { dataset = local.watch_dataset, role = "roles/bigquery.dataEditor" }
  } : why => grant if var.watch != null }

  project    = var.project_id
  dataset_id = each.value.dataset
  role       = each.value.role
  member     = "serviceAccount:${google_service_account.watch["watch"].email}"
  depends_on = [google_bigquery_dataset.watch]
}

# Source: asset-inventory/docs/export-bigquery; BigQueryDestination of the API.
resource "google_cloud_scheduler_job" "export" {
  for_each = { for what, export in local.exports : what => export if var.watch != null }

  project     = var.project_id
  region      = var.region
  name        = "${var.name}-watch-${each.key}"
  description = "Cloud Asset Inventory exports ${each.key} for the watch over iapguard."
  schedule    = "3 * * * *"
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://cloudasset.googleapis.com/v1/${each.value.parent}:exportAssets"
    headers     = { "Content-Type" = "application/json" }
    body = base64encode(jsonencode(merge(each.value.body, { outputConfig = { bigqueryDestination = {
      dataset       = "projects/${var.project_id}/datasets/${local.watch_dataset}"
      table         = each.key
      partitionSpec = { partitionKey = "READ_TIME" }
    } } })))
    oauth_token {
      service_account_email = google_service_account.watch["watch"].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  retry_config {
    retry_count = 3
  }

  depends_on = [google_bigquery_dataset_iam_member.watch, google_project_service.watch, google_project_iam_member.watch, google_folder_iam_member.watch, google_organization_iam_member.watch]
}

resource "google_bigquery_data_transfer_config" "watch" {
  for_each = toset(local.watched)

  project              = var.project_id
  location             = coalesce(var.reports_location, var.region)
  display_name         = "${var.name}: what it does not see"
  data_source_id       = "scheduled_query"
  schedule             = "every 1 hours"
  service_account_name = google_service_account.watch[each.key].email
  params = {
    query = templatefile("${path.module}/../../../watch/alarm.sql", {
      findings = local.watch_findings
      blind = templatefile("${path.module}/../../../watch/blind.sql", {
        reports  = "${var.project_id}.${var.reports_dataset}.reports"
        services = "${local.watch_tables}.services"
        sinks    = "${local.watch_tables}.sinks"
        own      = "${local.watch_tables}.own"
        parts    = jsonencode(local.watched_parts)
        ignored  = jsonencode(sort(var.watch.ignored))
      })
    })
  }

  depends_on = [google_service_account_iam_policy.watch, google_bigquery_dataset_iam_member.watch, google_project_iam_member.watch]
}

# It uses other channels than the guard, or further ones: a channel that is dead cannot report
# that.
resource "google_monitoring_alert_policy" "blind" {
  for_each = toset(local.watched)

  project               = var.project_id
  display_name          = "${var.name}: it does not see everything, or a part of it is gone"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.watch.channels
  user_labels           = local.labels

  conditions {
    display_name = "A run of the watch failed"
    condition_threshold {
      filter          = "${local.watch_run} AND metric.type=\"bigquerydatatransfer.googleapis.com/transfer_config/completed_runs\" AND metric.label.completion_state!=\"SUCCEEDED\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "4500s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  conditions {
    display_name = "No run of the watch ends"
    condition_absent {
      filter   = "${local.watch_run} AND metric.type=\"bigquerydatatransfer.googleapis.com/transfer_config/completed_runs\""
      duration = "10800s"

      aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = local.playbooks["blind"]
    mime_type = "text/markdown"
  }
}
