# Documents for security tools. A job reads the last hour's reports out of the bucket of
# evidence, and turns each into a finding of Security Command Center or an event of OCSF. A
# service has one finding, so the same report twice changes nothing, and an hour that was
# missed is made up for by the next sweep. It has an account of its own: the function may
# not write findings, and the job may not read services.

locals {
  labels = merge({ app = var.name }, var.labels)

  jobs = merge(
    var.exports.scc_source == null ? {} : { scc = ["--format=scc", "--source=${var.exports.scc_source}", "--write"] },
    var.exports.ocsf ? { ocsf = ["--format=ocsf"] } : {},
  )
}

resource "google_service_account" "export" {
  for_each = toset(length(local.jobs) > 0 ? ["export"] : [])

  project      = var.project_id
  account_id   = "${var.name}-export"
  display_name = "iapguard, exports"
  description  = "Reads the reports, and writes findings of them."
}

# Nobody acts as it, or takes its tokens.
resource "google_service_account_iam_policy" "export" {
  for_each = google_service_account.export

  service_account_id = each.value.name
  policy_data        = jsonencode({ bindings = [] })
}

resource "google_cloud_run_v2_job" "export" {
  for_each = local.jobs

  project             = var.project_id
  location            = var.region
  name                = "${var.name}-export-${each.key}"
  labels              = local.labels
  deletion_protection = var.deletion_protection

  template {
    template {
      service_account = google_service_account.export["export"].email
      timeout         = "600s"
      max_retries     = 1

      containers {
        image = var.image
        # Ten minutes more than an hour: an object of evidence is closed a minute after its
        # reports.
        args = concat(["reports", "--from=${var.evidence}", "--since=70m"], each.value)
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version]
  }
}

# Writing findings, in the organisation of the source.
resource "google_organization_iam_member" "findings" {
  for_each = toset(var.exports.scc_source == null ? [] : [split("/", var.exports.scc_source)[1]])

  org_id = each.key
  role   = "roles/securitycenter.findingsEditor"
  member = "serviceAccount:${google_service_account.export["export"].email}"
}

# Cloud Scheduler runs the job as the job's own account, which may run nothing else.
resource "google_cloud_run_v2_job_iam_member" "runs" {
  for_each = google_cloud_run_v2_job.export

  project  = var.project_id
  location = var.region
  name     = each.value.name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_service_account.export["export"].email}"
}

resource "google_cloud_scheduler_job" "hourly" {
  for_each = google_cloud_run_v2_job.export

  project     = var.project_id
  region      = var.region
  name        = "${var.name}-export-${each.key}"
  description = "iapguard's reports of the last hour become documents of ${each.key}."
  schedule    = "17 * * * *" # after the sweep
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project_id}/locations/${var.region}/jobs/${each.value.name}:run"
    oauth_token {
      service_account_email = google_service_account.export["export"].email
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.runs]
}
