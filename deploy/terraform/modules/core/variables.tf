# What every deployment decides. The service's own settings are in variables_service.tf, who
# may do what with the guard in variables_access.tf, and who may write in variables_roles.tf.

variable "project_id" {
  description = "Project in which the function and everything around it is made: one of its own, in which nobody works whose services are guarded."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is \"${var.project_id}\": write the project's id, such as my-project; its number or display name will not do."
  }
}

variable "project_number" {
  description = "Number of that project, after which Google names its agents."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number is \"${var.project_number}\": write the number, which gcloud projects describe PROJECT shows as projectNumber."
  }
}

variable "region" {
  description = "Region of the function, its schedules and its builds."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${var.region}\": write a region such as europe-west1; a zone (europe-west1-b) or a multi-region (eu) will not do."
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

variable "scope" {
  description = "What is watched: projects/ID, folders/NUMBER or organizations/NUMBER. By default the function's own project, which allow_guard_in_guarded_project must permit."
  type        = string
  default     = null

  validation {
    condition     = var.scope == null || can(regex("^(projects/([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|(folders|organizations)/[0-9]+)$", var.scope))
    error_message = "scope is \"${coalesce(var.scope, "null")}\": write projects/ID with the project's id, folders/NUMBER or organizations/NUMBER (gcloud organizations list; gcloud resource-manager folders list --organization=NUMBER)."
  }
}

variable "allow_guard_in_guarded_project" {
  description = "Whether the guard may stand in the very project that it guards. Every editor there can command it, replace its image and act as it, so this is for a trial."
  type        = bool
  default     = false

  validation {
    condition     = var.allow_guard_in_guarded_project || coalesce(var.scope, "projects/${var.project_id}") != "projects/${var.project_id}"
    error_message = "scope is projects/${var.project_id}, in which the guard itself would stand: every editor there could command it, replace its image or act as it. Give project_id a project of its own, or set allow_guard_in_guarded_project = true for a trial."
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

  validation {
    condition     = !startswith(coalesce(var.scope, "projects/"), "folders/") || var.organization_id != null
    error_message = "scope is a folder, and custom roles can only be made in its organisation: set organization_id to the organisation's number (gcloud organizations list)."
  }

  validation {
    condition     = !startswith(coalesce(var.scope, "projects/"), "organizations/") || var.organization_id == null || "organizations/${coalesce(var.organization_id, "0")}" == var.scope
    error_message = "scope is ${coalesce(var.scope, "null")} and organization_id another organisation: leave organization_id out, or correct one of them."
  }
}

variable "labels" {
  description = "Labels for everything that can have labels."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels has a key or value that Google refuses: write lower-case letters, digits, _ and -, at most 63, a key beginning with a letter."
  }
}

variable "intake" {
  description = "How it learns of changes: \"sink\" (one log sink sees everything), \"eventarc\" (one trigger for each method; the function's own project only), or both."
  type        = set(string)
  default     = ["sink"]

  validation {
    condition     = length(var.intake) > 0
    error_message = "intake is empty, so that the function would learn of nothing but its hourly sweep: write [\"sink\"], [\"eventarc\"] or both."
  }

  validation {
    condition     = length(setsubtract(var.intake, ["sink", "eventarc"])) == 0
    error_message = "intake has ${join(", ", setsubtract(var.intake, ["sink", "eventarc"]))}: write \"sink\", \"eventarc\" or both."
  }

  validation {
    condition     = !contains(var.intake, "eventarc") || coalesce(var.scope, "projects/${var.project_id}") == "projects/${var.project_id}"
    error_message = "intake has \"eventarc\" and scope is ${coalesce(var.scope, "null")}: a trigger sees the audit log of its own project alone; write intake = [\"sink\"]."
  }
}

variable "sweep_schedule" {
  description = "When a sweep looks at every service, because events can be lost (cron, UTC)."
  type        = string
  default     = "7 * * * *"

  validation {
    condition     = length(split(" ", var.sweep_schedule)) == 5
    error_message = "sweep_schedule is \"${var.sweep_schedule}\": write five fields of cron, such as 7 * * * *."
  }
}

variable "sweep_projects" {
  description = "In a folder or organisation: projects that get a sweep of their own, since the policy does not name them in full."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for project in var.sweep_projects : can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project))])
    error_message = "sweep_projects has ${join(", ", [for project in var.sweep_projects : project if !can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project))])}: write project ids, without projects/."
  }

  validation {
    condition     = length(var.sweep_projects) == 0 || !startswith(coalesce(var.scope, "projects/"), "projects/")
    error_message = "sweep_projects are given, and scope is a project, which is swept anyway: leave them out."
  }
}

variable "apis" {
  description = "More APIs to enable in the guard's project."
  type        = set(string)
  default     = []
}

variable "event_publishers" {
  description = "Who publishes on the topic events: the writer identity of the log sinks (intake)."
  type        = list(string)
  default     = []
}

variable "refused_publishers" {
  description = "Who publishes on the topic refused: the writer identity of the log sinks, or Monitoring's agent (intake)."
  type        = list(string)
  default     = []
}

variable "creation_wait" {
  description = "How long an apply waits between making what Google makes an agent or a metric for, and using it: a number of seconds with s. Existing deployments wait once. \"0s\" where nothing is new."
  type        = string
  default     = "60s"

  validation {
    condition     = can(regex("^[0-9]{1,3}s$", var.creation_wait))
    error_message = "creation_wait is \"${var.creation_wait}\": write seconds such as 60s, at most 999s."
  }
}

variable "digest_schedule" {
  description = "When the daily digest is sent (cron, UTC)."
  type        = string
  default     = "0 7 * * *"

  validation {
    condition     = length(split(" ", var.digest_schedule)) == 5
    error_message = "digest_schedule is \"${var.digest_schedule}\": write five fields of cron, such as 0 7 * * *."
  }
}

variable "signature_readers" {
  description = "Who may read the public key of the signatures: those who read the reports."
  type        = set(string)
  default     = []
}
