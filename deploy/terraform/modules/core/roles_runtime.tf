# iam.serviceAccounts.actAs is the one dangerous permission: together with updating
# a service it is running any code as that account. Google asks for it with every
# update of a service, also one that only restricts its ingress, turns IAP on at
# the service or forces a revision (run/docs/configuring/services/service-identity).
# So it is granted where the policy takes such steps and on nothing else: on single
# accounts, or on single projects; never on a folder or organisation, where it would
# reach every account below. Without it those steps are reported as blocked, and
# the others work: granting, taking the public away, IAP at the load balancer.

locals {
  # Who may act as which account. Keys are known before anything is made.
  runtime_account_grants = merge(
    { for account in var.runtime_accounts : "function ${account}" => { account = account, writer = null } },
    [for folder, writer in var.writers : { for account in writer.runtime_accounts : "${folder} ${account}" => { account = account, writer = folder } }]...
  )

  runtime_project_grants = merge(
    { for project in var.runtime_projects : "function ${project}" => { project = project, writer = null } },
    [for folder, writer in var.writers : { for project in writer.runtime_projects : "${folder} ${project}" => { project = project, writer = folder } }]...
  )
}

# Updating the services that run as these accounts.
resource "google_service_account_iam_member" "runtime" {
  for_each = local.runtime_account_grants

  service_account_id = "projects/-/serviceAccounts/${each.value.account}"
  role               = local.roles["iapguardRuntime"]
  member             = each.value.writer == null ? local.function : "serviceAccount:${google_service_account.writer[each.value.writer].email}"
}

# The same for every account of a project, where that was asked for.
resource "google_project_iam_member" "runtime" {
  for_each = local.runtime_project_grants

  project = each.value.project
  role    = local.roles["iapguardRuntime"]
  member  = each.value.writer == null ? local.function : "serviceAccount:${google_service_account.writer[each.value.writer].email}"
}
