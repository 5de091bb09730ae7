# What no API keeps (since when a door is open, what was guarded once, who
# approved) is kept in a bucket, as small records with compare-and-swap.

resource "google_storage_bucket" "memory" {
  project  = var.project_id
  name     = "${var.name}-memory-${data.google_project.own.number}" # such names are the whole world's
  location = var.region
  labels   = local.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  # What was overwritten or deleted stays, also when the function's own account was
  # misused: 30 days as a noncurrent version, and 30 more after that one is gone.
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

  # Limits are counted by the hour, and a run lasts minutes.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      with_state     = "LIVE"
      matches_prefix = ["hour/", "plan/"]
    }
  }

  depends_on = [google_project_service.api]
}

# The role is made in the bucket's project, wherever the scope has its own.
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

# The key of the records' MACs, where there is one, is read by the function alone.
resource "google_secret_manager_secret_iam_member" "memory_key" {
  count = var.memory_key == null ? 0 : 1

  project   = split("/", var.memory_key)[1]
  secret_id = split("/", var.memory_key)[3]
  role      = "roles/secretmanager.secretAccessor"
  member    = local.function
}
