locals {
  apis = toset(concat(
    [
      # What the function consists of.
      "run.googleapis.com",
      "pubsub.googleapis.com",
      "secretmanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "iam.googleapis.com",
      "storage.googleapis.com",
      # What it calls. An API must be enabled in the project of the account that
      # calls it, whichever project the call is about.
      "cloudresourcemanager.googleapis.com",
      "compute.googleapis.com",
      "iap.googleapis.com",
      "serviceusage.googleapis.com",
      "networksecurity.googleapis.com",
    ],
    # The search for callers reads triggers too (role iapguardCallers).
    local.eventarc || contains(local.optional_roles, "callers") ? ["eventarc.googleapis.com"] : [],
    # Tokens of the writing accounts.
    length(var.writers) > 0 ? ["iamcredentials.googleapis.com"] : [],
    var.signing_key_version == null ? [] : ["cloudkms.googleapis.com"],
    tolist(var.apis),
    local.telemetry ? ["telemetry.googleapis.com"] : [],
  ))
}

# IAP's API in projects that are guarded: an apply turns it on, and the account that
# writes needs no permission to turn on APIs (enable_api).
resource "google_project_service" "iap" {
  for_each = var.iap_api_projects

  project            = each.key
  service            = "iap.googleapis.com"
  disable_on_destroy = false
}

resource "google_project_service" "api" {
  for_each = local.apis

  project = var.project_id
  service = each.key
  # Other parts of the project may use it too.
  disable_on_destroy = false
}
