# Policy and holds are files that the function reads from Secret Manager's latest
# version: the policy within 30 seconds of a change, the holds before every write.

locals {
  # Where they are mounted: Cloud Run wants one directory for each secret.
  files = {
    policy = { directory = "/policy", file = "policy.yaml" }
    holds  = { directory = "/holds", file = "holds.yaml" }
  }

  # Another secret that is mounted beside them is managed elsewhere.
  mounted = merge(
    { for name, file in local.files : name => merge(file, { secret = google_secret_manager_secret.file[name].secret_id }) },
    var.memory_key == null ? {} : { memory-key = { directory = "/memory-key", file = "key", secret = var.memory_key } },
  )
}

resource "google_secret_manager_secret" "file" {
  for_each = local.files

  project             = var.project_id
  secret_id           = "${var.name}-${each.key}"
  labels              = local.labels
  deletion_protection = var.deletion_protection

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

# The policy is changed in Terraform. Each change is a version. The version before is
# disabled, not destroyed, so that it can still be looked up.
resource "google_secret_manager_secret_version" "policy" {
  secret          = google_secret_manager_secret.file["policy"].id
  secret_data     = var.policy
  deletion_policy = "DISABLE"

  # The new version first: while the latest one is disabled, there is no policy.
  lifecycle {
    create_before_destroy = true
  }
}

# The first version holds nothing. From then on the people on call add versions
# (iapguard hold, iapguard resume), and Terraform must not undo what they did.
# Disable old versions, and do not destroy them: Terraform would create the first
# one again, and the newest version is the one that counts.
resource "google_secret_manager_secret_version" "holds" {
  secret          = google_secret_manager_secret.file["holds"].id
  secret_data     = "version: 1\n"
  deletion_policy = "ABANDON"

  lifecycle {
    ignore_changes = all
  }
}

# The function reads both, and changes neither.
resource "google_secret_manager_secret_iam_member" "function_reads" {
  for_each = local.files

  project   = var.project_id
  secret_id = google_secret_manager_secret.file[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.function.email}"
}

# People on call read the holds and add versions. They may not change the policy.
resource "google_secret_manager_secret_iam_member" "holders" {
  for_each = {
    for pair in setproduct(var.hold_members, ["secretAccessor", "secretVersionAdder"]) :
    "${pair[0]} ${pair[1]}" => { member = pair[0], role = "roles/secretmanager.${pair[1]}" }
  }

  project   = var.project_id
  secret_id = google_secret_manager_secret.file["holds"].secret_id
  role      = each.value.role
  member    = each.value.member
}
