# The memory: facts that no Google API stores (since when a door has been open, what
# was guarded once, who approved), as small objects with compare-and-swap.

resource "google_storage_bucket" "memory" {
  project  = var.project_id
  name     = "${var.name}-memory-${var.project_number}" # bucket names are global
  location = var.region
  labels   = local.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  # Overwritten and deleted records stay for 30 days as noncurrent versions, and for 30
  # more as soft-deleted ones, which the function's account cannot shorten.
  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 30 * 24 * 60 * 60
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }

  # Limits count by the hour, and a run lasts minutes.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      with_state     = "LIVE"
      matches_prefix = ["hour/", "plan/", "offer/", "command/"]
    }
  }

  # A token is fresh for five minutes, and a day is the shortest age.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 1
      with_state     = "LIVE"
      matches_prefix = ["token/"]
    }
  }

  depends_on = [google_project_service.api]
}

# The role belongs to the bucket's project, whatever the scope is.
resource "google_project_iam_custom_role" "memory" {
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}Memory"
  title       = local.role_file["iapguardMemory"].title
  description = local.role_file["iapguardMemory"].description
  permissions = local.role_file["iapguardMemory"].permissions[*].name
  depends_on  = [google_project_service.api]
}

# The whole policy and not one grant: a new bucket lets every editor of the project
# write, and an account that can write a record can void a clock or forge an approval.
# Owners keep what administering the bucket needs.
resource "google_storage_bucket_iam_policy" "memory" {
  bucket = google_storage_bucket.memory.name

  policy_data = jsonencode({ bindings = [
    { role = "projects/${var.project_id}/roles/${google_project_iam_custom_role.memory.role_id}", members = [local.function] },
    { role = "roles/storage.legacyBucketOwner", members = ["projectOwner:${var.project_id}"] },
  ] })
}

# Reading the key of the records' MACs, where one is set: the function alone. The secret is
# made elsewhere; its policy is this module's.
resource "google_secret_manager_secret_iam_policy" "memory_key" {
  count = var.memory_key == null ? 0 : 1

  project     = split("/", var.memory_key)[1]
  secret_id   = split("/", var.memory_key)[3]
  policy_data = jsonencode({ bindings = [{ role = "roles/secretmanager.secretAccessor", members = [local.function] }] })
}
