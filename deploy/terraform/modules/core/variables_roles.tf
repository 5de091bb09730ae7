# Who may write, and where.

variable "mode" {
  description = "In one project: \"report-only\" grants reading alone, \"enforce\" the writing role too, so that the policy's own modes decide. In a folder or organisation writers says it, folder by folder."
  type        = string
  default     = "report-only"

  validation {
    condition     = contains(["report-only", "enforce"], var.mode)
    error_message = "mode is \"${var.mode}\": write \"report-only\" or \"enforce\"; the policy's modes, approve among them, are the policy's."
  }

  validation {
    condition     = var.mode == "report-only" || startswith(coalesce(var.scope, "projects/"), "projects/")
    error_message = "mode is \"enforce\" and scope ${coalesce(var.scope, "null")}: there nothing may write everywhere at once; leave mode out and bind writers, folder by folder: writers = { \"folders/NUMBER\" = { bound = true } }."
  }
}

variable "writers" {
  description = "In a folder or organisation: the folders that are to be protected, each with a writing account of its own. Setting bound is the wave: until then everything under the folder stays planned. runtime_accounts and runtime_projects are as the variables of these names, for that folder's account."
  type = map(object({
    bound            = optional(bool, false)
    runtime_accounts = optional(set(string), [])
    runtime_projects = optional(set(string), [])
  }))
  default = {}

  validation {
    condition     = length(var.writers) == 0 || !startswith(coalesce(var.scope, "projects/"), "projects/")
    error_message = "writers are given, and scope is a project: one project is written by the function's own account; set mode = \"enforce\" instead, or scope to folders/NUMBER or organizations/NUMBER."
  }

  validation {
    condition     = alltrue([for folder in keys(var.writers) : can(regex("^folders/[0-9]+$", folder))])
    error_message = "writers has ${join(", ", [for folder in keys(var.writers) : folder if !can(regex("^folders/[0-9]+$", folder))])}: write each as folders/NUMBER (gcloud resource-manager folders list --organization=NUMBER)."
  }

  validation {
    condition     = alltrue([for folder in keys(var.writers) : length("${var.name}-writer-${trimprefix(folder, "folders/")}") <= 30])
    error_message = "an account's id has at most 30 characters, and NAME-writer-NUMBER is longer for one of writers: choose a shorter name than \"${var.name}\"."
  }

  validation {
    condition     = alltrue([for folder, writer in var.writers : writer.bound || length(writer.runtime_accounts) + length(writer.runtime_projects) == 0])
    error_message = "writers has ${join(", ", [for folder, writer in var.writers : folder if !writer.bound && length(writer.runtime_accounts) + length(writer.runtime_projects) > 0])} with runtime accounts, and not bound: an account that writes nothing needs none; set bound = true or leave them out."
  }

  validation {
    condition     = alltrue([for account in flatten([for writer in values(var.writers) : tolist(writer.runtime_accounts)]) : can(regex("^([a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\\.iam|[0-9]+-compute@developer|[^@ /]+@appspot)\\.gserviceaccount\\.com$", account))])
    error_message = "runtime_accounts of one of writers has something else than a service account: write its e-mail address, such as shop-run@my-project.iam.gserviceaccount.com."
  }

  validation {
    condition     = alltrue([for project in flatten([for writer in values(var.writers) : tolist(writer.runtime_projects)]) : can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project))])
    error_message = "runtime_projects of one of writers has something else than a project's id: acting as accounts is granted per account or project, never on a folder or organisation, where it would be the right to run code as every account below."
  }
}

variable "runtime_accounts" {
  description = "In one project: service accounts that protected services run as, where restricting the ingress or redeploying is to work. Acting as them is granted on each; without it those steps are blocked, and the others work."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.runtime_accounts : can(regex("^([a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\\.iam|[0-9]+-compute@developer|[^@ /]+@appspot)\\.gserviceaccount\\.com$", account))])
    error_message = "runtime_accounts has ${join(", ", [for account in var.runtime_accounts : account if !can(regex("^([a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\\.iam|[0-9]+-compute@developer|[^@ /]+@appspot)\\.gserviceaccount\\.com$", account))])}: write the e-mail address of a service account, such as shop-run@my-project.iam.gserviceaccount.com."
  }

  validation {
    condition     = length(var.runtime_accounts) == 0 || var.mode == "enforce"
    error_message = "runtime_accounts are given, and nothing may write: set mode = \"enforce\", or in a folder or organisation give them with the folder's writer: writers = { \"folders/NUMBER\" = { bound = true, runtime_accounts = […] } }."
  }
}

variable "runtime_projects" {
  description = "The same for every service account of the scope's project, where naming them one by one is too much: write the project's id. It is the right to run code as each of them."
  type        = set(string)
  default     = []

  validation {
    # A custom role of a project can be bound in that project alone.
    condition     = alltrue([for project in var.runtime_projects : "projects/${project}" == coalesce(var.scope, "projects/${var.project_id}")])
    error_message = "runtime_projects has ${join(", ", var.runtime_projects)}: in a project scope only that project's id can stand there; in a folder or organisation give projects with the folder's writer. Acting as accounts is never granted on a folder or organisation, where it would be the right to run code as every account below."
  }

  validation {
    condition     = length(var.runtime_projects) == 0 || var.mode == "enforce"
    error_message = "runtime_projects are given, and nothing may write: set mode = \"enforce\", or leave them out."
  }
}

variable "optional_roles" {
  description = "Roles beside the reader. Without \"inherited\" (grants of the project) or \"ancestors\" (grants in the folders and the organisation above it) every door that IAM or IAP keeps is unknown. Without \"callers\" (who calls a service) or \"domains\" (mapped domains; no role of Google's has its permission, and whether a custom role can hold it is unknown) the function works and sees less. Default: inherited and callers, and ancestors where the scope is a folder or an organisation."
  type        = set(string)
  default     = null

  validation {
    condition     = length(setsubtract(coalesce(var.optional_roles, toset([])), ["inherited", "callers", "domains", "ancestors"])) == 0
    error_message = "optional_roles has ${join(", ", setsubtract(coalesce(var.optional_roles, toset([])), ["inherited", "callers", "domains", "ancestors"]))}: write \"inherited\", \"callers\", \"domains\", \"ancestors\", or nothing."
  }

  validation {
    # A custom role of a project cannot have permissions on what is above it.
    condition     = !contains(coalesce(var.optional_roles, toset([])), "ancestors") || !startswith(coalesce(var.scope, "projects/"), "projects/")
    error_message = "optional_roles has ancestors, and scope is a project, whose roles cannot read what is above it: leave it out, and grant the role iapguardAncestors on the organisation by hand."
  }
}

variable "enable_api" {
  description = "Whether rules of the policy say enableApi: true. If so, the account that writes gets the permission to turn on IAP's API. Google has no permission for one API alone, so that account could turn on any other API too."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_api || var.mode == "enforce" || length(var.writers) > 0
    error_message = "enable_api is true, and nothing may write: set mode = \"enforce\", or in a folder or organisation bind writers, or leave enable_api out."
  }
}

variable "iap_api_projects" {
  description = "Projects in which an apply enables IAP's API, by their ids: instead of enable_api, with no permission for any account of the guard. Who applies must be allowed to enable APIs there."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for project in var.iap_api_projects : can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project))])
    error_message = "iap_api_projects has ${join(", ", [for project in var.iap_api_projects : project if !can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project))])}: write project ids, without projects/."
  }

  validation {
    condition     = length(var.iap_api_projects) == 0 || !startswith(coalesce(var.scope, "projects/"), "projects/") || alltrue([for project in var.iap_api_projects : "projects/${project}" == coalesce(var.scope, "projects/${var.project_id}")])
    error_message = "iap_api_projects has ${join(", ", var.iap_api_projects)}, and scope is ${coalesce(var.scope, "projects/${var.project_id}")}: nothing else is guarded, so write that project's id alone."
  }
}

variable "oauth_client_secrets" {
  description = "Secrets with the OAuth clients that the policy names: projects/P/secrets/S. Reading is granted on each."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for secret in var.oauth_client_secrets : can(regex("^projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}$", secret))])
    error_message = "oauth_client_secrets has ${join(", ", [for secret in var.oauth_client_secrets : secret if !can(regex("^projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}$", secret))])}: write projects/PROJECT/secrets/SECRET, without a version."
  }

  validation {
    # A custom role of a project can be bound in that project alone.
    condition     = !startswith(coalesce(var.scope, "projects/"), "projects/") || alltrue([for secret in var.oauth_client_secrets : startswith(secret, "${coalesce(var.scope, "projects/${var.project_id}")}/")])
    error_message = "oauth_client_secrets has a secret of another project than the scope's, whose role cannot be granted there: keep the secret in the scope's project and write that project's id."
  }
}
