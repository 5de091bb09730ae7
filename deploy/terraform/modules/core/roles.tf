# ../roles/iapguard.yaml has every permission of the function with its reason, and a
# test shows that none can be left out. This file grants them.

locals {
  role_file = { for role in yamldecode(file("${path.module}/../../../roles/iapguard.yaml")).roles : role.id => role }

  optional_role_ids = { inherited = "iapguardInherited", callers = "iapguardCallers", domains = "iapguardDomains", ancestors = "iapguardAncestors" }

  # A role of a project cannot read what is above it.
  optional_roles = coalesce(var.optional_roles, toset(concat(["inherited", "callers"], local.in_project ? [] : ["ancestors"])))

  # Only roles that are used are created.
  wanted_roles = toset(concat(
    ["iapguardReader"],
    local.sinks ? ["iapguardHeartbeat"] : [],
    [for name in local.optional_roles : local.optional_role_ids[name]],
    local.in_project && var.mode == "enforce" || length(local.bound) > 0 ? ["iapguardWriter"] : [],
    length(local.runtime_account_grants) + length(local.runtime_project_grants) > 0 ? ["iapguardRuntime"] : [],
    length(var.oauth_client_secrets) > 0 ? ["iapguardOAuthClient"] : [],
    local.enables ? ["iapguardAPIs"] : [],
  ))

  # iapguardReader, or NAMEReader under another name, so that two installations can
  # share an organisation. Role ids have no hyphens.
  role_ids = { for id in local.wanted_roles : id => "${replace(var.name, "-", "_")}${trimprefix(id, "iapguard")}" }

  # The full name of each, known before it is made.
  roles = merge(
    { for id, role in google_project_iam_custom_role.role : id => "projects/${local.scope_id}/roles/${role.role_id}" },
    { for id, role in google_organization_iam_custom_role.role : id => "organizations/${local.organization_id}/roles/${role.role_id}" },
  )

  # Roles that change no resource: granted to the function on the whole scope.
  reading = setintersection(local.wanted_roles, ["iapguardReader", "iapguardHeartbeat", "iapguardInherited", "iapguardCallers", "iapguardDomains", "iapguardAncestors"])
  # Where something may write, and the policy turns IAP's API on.
  enables = var.enable_api && (local.in_project && var.mode == "enforce" || length(local.bound) > 0)
  # In one project the function writes itself; elsewhere only writers do.
  granted = local.in_project && var.mode == "enforce" ? setunion(local.reading, ["iapguardWriter"], local.enables ? ["iapguardAPIs"] : []) : local.reading

  bound    = { for folder, writer in var.writers : folder => writer if writer.bound }
  function = "serviceAccount:${google_service_account.function.email}"
}

resource "google_project_iam_custom_role" "role" {
  for_each = local.in_project ? local.role_ids : {}

  project     = local.scope_id
  role_id     = each.value
  title       = local.role_file[each.key].title
  description = local.role_file[each.key].description
  permissions = local.role_file[each.key].permissions[*].name
  depends_on  = [google_project_service.api]
}

# A folder cannot have custom roles, so these belong to its organisation.
resource "google_organization_iam_custom_role" "role" {
  for_each = local.in_project ? {} : local.role_ids

  org_id      = local.organization_id
  role_id     = each.value
  title       = local.role_file[each.key].title
  description = local.role_file[each.key].description
  permissions = local.role_file[each.key].permissions[*].name
  depends_on  = [google_project_service.api]
}

# Members instead of bindings: others may hold these roles too, and the module does
# not own the policy of a project, folder or organisation.

# Reading, and with mode = "enforce" writing: in one project the function's own
# account does both.
resource "google_project_iam_member" "function" {
  for_each = local.in_project ? local.granted : []

  project = local.scope_id
  role    = local.roles[each.key]
  member  = local.function
}

# Reading everywhere below the folder. Nothing is written with this account.
resource "google_folder_iam_member" "function" {
  for_each = local.scope_kind == "folders" ? local.granted : []

  folder = local.scope
  role   = local.roles[each.key]
  member = local.function
}

# Reading everywhere in the organisation. Nothing is written with this account.
resource "google_organization_iam_member" "function" {
  for_each = local.scope_kind == "organizations" ? local.granted : []

  org_id = local.scope_id
  role   = local.roles[each.key]
  member = local.function
}

# The wave: only this grant allows changes to a folder's services. Removing it stops
# changes at once, and leaves the services as they are. The role has the reading that
# Google requires for an update; the function's account does all other reading.
resource "google_folder_iam_member" "writer" {
  for_each = local.bound

  folder = each.key
  role   = local.roles["iapguardWriter"]
  member = "serviceAccount:${google_service_account.writer[each.key].email}"
}

# Turning IAP's API on below the folder, where the policy says so.
resource "google_folder_iam_member" "enabler" {
  for_each = var.enable_api ? local.bound : {}

  folder = each.key
  role   = local.roles["iapguardAPIs"]
  member = "serviceAccount:${google_service_account.writer[each.key].email}"
}

# Reading the OAuth client that the policy names: on that secret only, for the
# function's own account, which reads it on behalf of the writers.
resource "google_secret_manager_secret_iam_member" "oauth_client" {
  for_each = var.oauth_client_secrets

  project   = split("/", each.key)[1]
  secret_id = split("/", each.key)[3]
  role      = local.roles["iapguardOAuthClient"]
  member    = local.function
}

locals {
  telemetry = anytrue([for value in values(var.environment) : startswith(value, "https://telemetry.googleapis.com")])
}

# Google's endpoint takes traces and metrics as the function's account, in its own
# project. Without these roles they are lost, and nothing else fails.
# Source: iam/docs/roles-permissions/telemetry.
resource "google_project_iam_member" "telemetry" {
  for_each = local.telemetry ? toset(["roles/telemetry.tracesWriter", "roles/telemetry.metricsWriter"]) : []

  project = var.project_id
  role    = each.key
  member  = local.function
}
