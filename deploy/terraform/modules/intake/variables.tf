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

variable "labels" {
  description = "Labels for everything that can have labels."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels has a key or value that Google refuses: write lower-case letters, digits, _ and -, at most 63, a key beginning with a letter."
  }
}

variable "scope_number" {
  description = "Number of the project that is watched, where scope is one. By default project_number."
  type        = string
  default     = null
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

variable "eventarc_delivery" {
  description = "How the subscriptions that Eventarc makes for its triggers get the deadline, backoff and dead letters of the others: \"gcloud\" (Terraform runs gcloud once for each trigger) or \"by-hand\" (run the output eventarc_delivery yourself)."
  type        = string
  default     = "gcloud"

  validation {
    condition     = contains(["gcloud", "by-hand"], var.eventarc_delivery)
    error_message = "eventarc_delivery is \"${var.eventarc_delivery}\": write \"gcloud\", or \"by-hand\" where there is no gcloud next to Terraform, and run the commands of the output eventarc_delivery."
  }
}

variable "refused_requests" {
  description = "How it learns of visitors who get 403, on a topic of its own: \"alert\" (a log-based metric and an alert for each service; one project only), \"sink\" (each request, which any stranger can cause), \"off\". By default alert in one project and off elsewhere."
  type        = string
  default     = null

  validation {
    condition     = var.refused_requests == null || contains(["alert", "sink", "off"], coalesce(var.refused_requests, "-"))
    error_message = "refused_requests is \"${coalesce(var.refused_requests, "null")}\": write \"alert\", \"sink\" or \"off\"."
  }

  validation {
    condition     = coalesce(var.refused_requests, "-") != "alert" || startswith(coalesce(var.scope, "projects/"), "projects/")
    error_message = "refused_requests is \"alert\" and scope is ${coalesce(var.scope, "null")}: a log-based metric counts the entries of one project alone; write \"sink\", or \"off\"."
  }
}

variable "topics" {
  description = "The topics by their short names: events, refused and dead-letters, each as projects/P/topics/T."
  type        = map(string)
}

variable "service" {
  description = "Name of the Cloud Run service that triggers deliver to."
  type        = string
  default     = null
}

variable "trigger_account" {
  description = "E-mail address of the account that triggers deliver as."
  type        = string
  default     = null
}

variable "own_accounts" {
  description = "E-mail addresses of the accounts that the function writes with: its own writes are not delivered."
  type        = list(string)
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
