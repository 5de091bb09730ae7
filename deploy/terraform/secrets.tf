# Policy and holds are files that the function reads from Secret Manager's latest
# version: the policy within 30 seconds of a change, the holds before every write.

locals {
  # Where they are mounted: Cloud Run wants one directory for each secret.
  files = {
    policy = { directory = "/policy", file = "policy.yaml" }
    holds  = { directory = "/holds", file = "holds.yaml" }
  }

  # What is mounted beside them is a secret that somebody else keeps.
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

# Terraform is where the policy is changed: each change is a version, and the one
# before is disabled, which keeps it for reading up.
resource "google_secret_manager_secret_version" "policy" {
  secret          = google_secret_manager_secret.file["policy"].id
  secret_data     = var.policy
  deletion_policy = "DISABLE"

  # The new one first: while latest is a disabled version there is no policy.
  lifecycle {
    create_before_destroy = true
  }
}

# The first version holds nothing. From then on the people on call add versions
# (iapguard hold, iapguard resume), and Terraform must not undo what they did.
# Whoever tidies up disables old versions; Terraform would make the first one
# anew if it were destroyed, and the newest version is the one that counts.
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

# Who holds reads the holds that are there and adds a version. The policy is not
# theirs to change.
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
