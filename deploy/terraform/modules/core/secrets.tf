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

# A policy that iapguard refuses does not become a version: the next resource waits for
# this one. Without policy_checker only the shape is checked (variables_service.tf).
resource "terraform_data" "policy_check" {
  count = var.policy_checker == null ? 0 : 1

  triggers_replace = [var.policy]

  provisioner "local-exec" {
    command     = "printf %s \"$POLICY\" | \"$CHECKER\" policy check /dev/stdin"
    environment = { CHECKER = var.policy_checker, POLICY = var.policy }
  }
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

  depends_on = [terraform_data.policy_check]
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

# Who reads which secret, and who adds versions. The function reads both and changes
# neither. People on call hold and resume; who writes the policy does not hold.
locals {
  secret_members = {
    policy = {
      secretAccessor     = concat([local.function], sort(var.policy_writers))
      secretVersionAdder = sort(var.policy_writers)
    }
    holds = {
      secretAccessor     = concat([local.function], sort(var.hold_members))
      secretVersionAdder = sort(var.hold_members)
    }
  }
}

# The whole policy of each secret: nobody else reads it or adds a version.
resource "google_secret_manager_secret_iam_policy" "file" {
  for_each = local.files

  project   = var.project_id
  secret_id = google_secret_manager_secret.file[each.key].secret_id
  policy_data = jsonencode({ bindings = [
    for role, members in local.secret_members[each.key] : { role = "roles/secretmanager.${role}", members = members } if length(members) > 0
  ] })
}
