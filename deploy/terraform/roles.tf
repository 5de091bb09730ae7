# What the function may do is in ../roles/iapguard.yaml: every permission with its
# reason, and a test that none can be left out. Here is where each is granted.

locals {
  role_file = { for role in yamldecode(file("${path.module}/../roles/iapguard.yaml")).roles : role.id => role }

  optional_role_ids = { inherited = "iapguardInherited", callers = "iapguardCallers", domains = "iapguardDomains" }

  # Roles that nobody needs are not made.
  wanted_roles = toset(concat(
    ["iapguardReader"],
    [for name in var.optional_roles : local.optional_role_ids[name]],
    local.in_project && var.mode == "enforce" || length(local.bound) > 0 ? ["iapguardWriter"] : [],
    length(local.runtime_account_grants) + length(local.runtime_project_grants) > 0 ? ["iapguardRuntime"] : [],
    length(var.oauth_client_secrets) > 0 ? ["iapguardOAuthClient"] : [],
  ))

  # iapguardReader; under another name than iapguard, so that two installations can
  # share an organisation, NAMEReader. Role ids have no hyphens.
  role_ids = { for id in local.wanted_roles : id => "${replace(var.name, "-", "_")}${trimprefix(id, "iapguard")}" }

  # The full name of each, known before it is made.
  roles = merge(
    { for id, role in google_project_iam_custom_role.role : id => "projects/${local.scope_id}/roles/${role.role_id}" },
    { for id, role in google_organization_iam_custom_role.role : id => "organizations/${local.organization_id}/roles/${role.role_id}" },
  )

  # Roles that look, and change nothing: granted to the function on the whole scope.
  reading = setintersection(local.wanted_roles, ["iapguardReader", "iapguardInherited", "iapguardCallers", "iapguardDomains"])
  # In one project the function writes itself; elsewhere only writers do.
  granted = local.in_project && var.mode == "enforce" ? setunion(local.reading, ["iapguardWriter"]) : local.reading

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

# A folder cannot have custom roles, so that its are the organisation's.
resource "google_organization_iam_custom_role" "role" {
  for_each = local.in_project ? {} : local.role_ids

  org_id      = local.organization_id
  role_id     = each.value
  title       = local.role_file[each.key].title
  description = local.role_file[each.key].description
  permissions = local.role_file[each.key].permissions[*].name
  depends_on  = [google_project_service.api]
}

# Members, and not bindings: others may hold these roles too, and the policies of
# a project, folder or organisation are not ours to write.

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

# The wave: this grant and no other lets a folder's services be changed. Taking it
# away ends that at once, and leaves them as they are. The role has what Google
# asks of who updates; all other reading is the function's.
resource "google_folder_iam_member" "writer" {
  for_each = local.bound

  folder = each.key
  role   = local.roles["iapguardWriter"]
  member = "serviceAccount:${google_service_account.writer[each.key].email}"
}

# Reading the OAuth client that the policy names: on that secret and on no other,
# for the function's own account, which reads it for whoever writes.
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

# Traces and metrics to Google's own endpoint go out in the function's name, into
# its own project. Without these roles they are lost, and nothing else is.
# Source: iam/docs/roles-permissions/telemetry.
resource "google_project_iam_member" "telemetry" {
  for_each = local.telemetry ? toset(["roles/telemetry.tracesWriter", "roles/telemetry.metricsWriter"]) : []

  project = var.project_id
  role    = each.key
  member  = local.function
}
