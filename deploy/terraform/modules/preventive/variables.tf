variable "scope" {
  description = "What is watched: projects/ID, folders/NUMBER or organizations/NUMBER."
  type        = string

  validation {
    condition     = can(regex("^(projects/([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|(folders|organizations)/[0-9]+)$", var.scope))
    error_message = "scope is \"${var.scope}\": write projects/ID with the project's id, folders/NUMBER or organizations/NUMBER (gcloud organizations list; gcloud resource-manager folders list --organization=NUMBER)."
  }
}

variable "organization_id" {
  description = "Number of the organisation. Needed where scope is a folder, which cannot have custom roles, so that they are made in the organisation; and where preventive has \"iap\"."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^[0-9]+$", var.organization_id))
    error_message = "organization_id is \"${coalesce(var.organization_id, "null")}\": write the number alone, without organizations/ (gcloud organizations list)."
  }
}

variable "name" {
  description = "What the names of the service, accounts, topics, subscriptions, sinks, secrets and jobs begin with."
  type        = string
  default     = "iapguard"

  validation {
    # Account ids end at 30 characters, with their endings; one of fewer than 6 is
    # refused. Topic names may not begin with goog.
    condition     = can(regex("^[a-z][a-z0-9-]{4,18}[a-z0-9]$", var.name)) && !startswith(var.name, "goog")
    error_message = "name is \"${var.name}\": write 6 to 20 lower-case letters, digits and hyphens, beginning with a letter and not with goog: topics, accounts and secrets are named after it."
  }
}

variable "preventive" {
  description = "Organisation policies that keep the gap from opening at all, set on the scope: \"ingress\" (run.allowedIngress), \"invoker\" (run.managed.requireInvokerIam) and \"iap\" (a custom constraint: IAP where the ingress is the whole internet). modules/preventive says what they break."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.preventive, ["ingress", "invoker", "iap"])) == 0
    error_message = "preventive has ${join(", ", setsubtract(var.preventive, ["ingress", "invoker", "iap"]))}: write \"ingress\", \"invoker\", \"iap\", several, or nothing."
  }

  validation {
    condition     = !contains(var.preventive, "iap") || var.organization_id != null || startswith(var.scope, "organizations/")
    error_message = "preventive has \"iap\", a custom constraint, which belongs to an organisation: set organization_id to its number (gcloud organizations list), or leave \"iap\" out."
  }
}
