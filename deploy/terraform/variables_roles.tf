# Who may write, and where: modules/core.

variable "mode" {
  description = "In one project: \"report-only\" grants reading alone, \"enforce\" the writing role too, so that the policy's own modes decide. In a folder or organisation writers says it, folder by folder."
  type        = string
  default     = "report-only"
}

variable "writers" {
  description = "In a folder or organisation: the folders that are to be protected, each with a writing account of its own. Setting bound is the wave: until then everything under the folder stays planned. runtime_accounts and runtime_projects are as the variables of these names, for that folder's account."
  type = map(object({
    bound            = optional(bool, false)
    runtime_accounts = optional(set(string), [])
    runtime_projects = optional(set(string), [])
  }))
  default = {}
}

variable "runtime_accounts" {
  description = "In one project: service accounts that protected services run as, where restricting the ingress or redeploying is to work. Acting as them is granted on each; without it those steps are blocked, and the others work."
  type        = set(string)
  default     = []
}

variable "runtime_projects" {
  description = "The same for every service account of the scope's project, where naming them one by one is too much: write the project's id. It is the right to run code as each of them."
  type        = set(string)
  default     = []
}

variable "optional_roles" {
  description = "Roles beside the reader. Without \"inherited\" (grants of the project) or \"ancestors\" (grants in the folders and the organisation above it) every door that IAM or IAP keeps is unknown. Without \"callers\" (who calls a service) or \"domains\" (mapped domains; no role of Google's has its permission, and whether a custom role can hold it is unknown) the function works and sees less. Default: inherited and callers, and ancestors where the scope is a folder or an organisation."
  type        = set(string)
  default     = null
}

variable "enable_api" {
  description = "Whether rules of the policy say enableApi: true. If so, the account that writes gets the permission to turn on IAP's API. Google has no permission for one API alone, so that account could turn on any other API too."
  type        = bool
  default     = false
}

variable "iap_api_projects" {
  description = "Projects in which an apply enables IAP's API, by their ids: instead of enable_api, with no permission for any account of the guard. Who applies must be allowed to enable APIs there."
  type        = set(string)
  default     = []
}

variable "oauth_client_secrets" {
  description = "Secrets with the OAuth clients that the policy names: projects/P/secrets/S. Reading is granted on each."
  type        = set(string)
  default     = []
}
