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

variable "watch" {
  description = "The watch over the guard, off by default: every hour, a query compares the reports with Cloud Asset Inventory's list of services. It raises an alert where a service has had no report for 25 hours, or where a part of the guard is gone. channels are notification channels, and at least one of them is not in notification_channels; ignored are ids of projects in the scope that nobody sweeps."
  type = object({
    channels = set(string)
    ignored  = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.watch == null ? true : alltrue([for channel in var.watch.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "watch.channels has ${join(", ", var.watch == null ? [] : [for channel in var.watch.channels : channel if !can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])}: write names such as projects/my-project/notificationChannels/1234567890 (gcloud beta monitoring channels list)."
  }

  validation {
    condition     = var.watch == null ? true : length(setsubtract(var.watch.channels, var.notification_channels)) > 0
    error_message = "watch.channels has no channel beside those of notification_channels: name one that still works when those do not, of another kind, such as SMS or another team's e-mail address."
  }

  validation {
    condition     = var.watch == null ? true : alltrue([for project in var.watch.ignored : can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]+$", project))])
    error_message = "watch.ignored has ${join(", ", var.watch == null ? [] : [for project in var.watch.ignored : project if !can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]+$", project))])}: write project ids, without projects/."
  }
}

variable "notification_channels" {
  description = "Where alerts go: names of Cloud Monitoring notification channels. Without any, incidents open and notify nobody."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "notification_channels has ${join(", ", [for channel in var.notification_channels : channel if !can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])}: write names such as projects/my-project/notificationChannels/1234567890 (gcloud beta monitoring channels list)."
  }
}

variable "reports_location" {
  description = "Where BigQuery keeps the reports: a region, EU or US. By default the function's region. It cannot be changed without losing the table."
  type        = string
  default     = null

  validation {
    condition     = var.reports_location == null || can(regex("^(EU|US|[a-z]+-[a-z]+[0-9]+)$", coalesce(var.reports_location, "-")))
    error_message = "reports_location is \"${coalesce(var.reports_location, "null")}\": write EU, US, or a region such as europe-west1."
  }
}

variable "reports_dataset" {
  description = "The dataset with the reports."
  type        = string
}

variable "parts" {
  description = "The parts of the guard that must be there: the asset type of each, and the last two words of its name."
  type        = list(object({ type = string, name = string }))
  default     = []
}

variable "alerts" {
  description = "The names of the guard's alerts, projects/P/alertPolicies/N, which must be there too."
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
