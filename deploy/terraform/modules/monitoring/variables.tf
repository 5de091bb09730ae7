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

variable "labels" {
  description = "Labels for everything that can have labels."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels has a key or value that Google refuses: write lower-case letters, digits, _ and -, at most 63, a key beginning with a letter."
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

variable "alert_report_only" {
  description = "Whether services that a rule only reports on raise alerts too. By default they are on the dashboard alone, so that day one is quiet."
  type        = bool
  default     = false
}

variable "alert_exposed_minutes" {
  description = "For how many minutes a door may stand open before an alert says so. Closing one takes a few minutes, in which grants come to hold everywhere."
  type        = number
  default     = 60

  validation {
    condition     = var.alert_exposed_minutes >= 15 && var.alert_exposed_minutes <= 1440 && floor(var.alert_exposed_minutes) == var.alert_exposed_minutes
    error_message = "alert_exposed_minutes is ${var.alert_exposed_minutes}: write a whole number from 15, for less is an ordinary protection under way, to 1440, for the audit log that proves it is read a day back."
  }
}

variable "alert_waiting_minutes" {
  description = "For how many minutes a service may wait for a load balancer or an accessor before an alert says so."
  type        = number
  default     = 1440

  validation {
    condition     = var.alert_waiting_minutes >= 60 && var.alert_waiting_minutes <= 1440 && floor(var.alert_waiting_minutes) == var.alert_waiting_minutes
    error_message = "alert_waiting_minutes is ${var.alert_waiting_minutes}: write a whole number from 60 to 1440, for the audit log that proves it is read a day back."
  }
}

variable "alert_lag_seconds" {
  description = "How old the oldest event, command or report may be before an alert says that deliveries lag behind. Work waits longer by design: up to 45 minutes."
  type        = number
  default     = 600

  validation {
    condition     = var.alert_lag_seconds >= 120 && var.alert_lag_seconds <= 82800 && floor(var.alert_lag_seconds) == var.alert_lag_seconds
    error_message = "alert_lag_seconds is ${var.alert_lag_seconds}: write a whole number from 120, the longest pause between two deliveries, to 82800 (23 hours)."
  }
}

variable "alert_heartbeat_minutes" {
  description = "For how many minutes no heartbeat may arrive before an alert says that events do not arrive. One begins every minute."
  type        = number
  default     = 15

  validation {
    condition     = var.alert_heartbeat_minutes >= 5 && var.alert_heartbeat_minutes <= 1380 && floor(var.alert_heartbeat_minutes) == var.alert_heartbeat_minutes
    error_message = "alert_heartbeat_minutes is ${var.alert_heartbeat_minutes}: write a whole number from 5 to 1380 (23 hours), which is as far as Cloud Monitoring looks back."
  }
}

variable "dead_letters" {
  description = "The subscriptions that keep dead letters: their names by their short names."
  type        = map(string)
}

variable "triggers" {
  description = "Whether Eventarc delivers too."
  type        = bool
  default     = false
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

variable "notification_routes" {
  description = "More channels for the alerts that name a service, by the project of the service or the rule of the policy: not by its label team, which its deployer writes."
  type = map(object({
    projects = optional(set(string), [])
    rules    = optional(set(string), [])
    channels = set(string)
  }))
  default = {}

  validation {
    condition     = alltrue(flatten([for route in values(var.notification_routes) : [for channel in route.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))]]))
    error_message = "a route of notification_routes has something else than a channel: write names such as projects/my-project/notificationChannels/1234567890 (gcloud beta monitoring channels list)."
  }

  validation {
    condition     = alltrue([for route in values(var.notification_routes) : length(route.projects) + length(route.rules) > 0])
    error_message = "notification_routes has ${join(", ", [for name, route in var.notification_routes : name if length(route.projects) + length(route.rules) == 0])} without projects or rules: it would get every message, which notification_channels do."
  }
}

variable "digest_channels" {
  description = "Where standing states go, which wake nobody: the daily digest, and the alerts waiting, blocked and held. By default notification_channels."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.digest_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "digest_channels has ${join(", ", [for channel in var.digest_channels : channel if !can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])}: write names such as projects/my-project/notificationChannels/1234567890 (gcloud beta monitoring channels list)."
  }
}

variable "protect_minutes" {
  description = "The objective: within how many minutes a door that opened is closed. null = no objective."
  type        = number
  default     = 10

  validation {
    condition     = var.protect_minutes == null ? true : var.protect_minutes >= 1 && var.protect_minutes <= 1440
    error_message = "protect_minutes is ${coalesce(var.protect_minutes, 0)}: write minutes from 1 to 1440, or null for no objective."
  }
}

variable "protect_goal" {
  description = "The part of the doors, over 28 days, for which that has to hold."
  type        = number
  default     = 0.95

  validation {
    condition     = var.protect_goal > 0 && var.protect_goal < 1
    error_message = "protect_goal is ${var.protect_goal}: write a part between 0 and 1, such as 0.95 for 95 %."
  }
}

variable "signing_key_version" {
  description = "Version of the key, made here, that signs each report: 1 at first, a higher one after a rotation. null signs nothing, and once a key was made it destroys that: see docs/how-to/signed-evidence.md."
  type        = number
  default     = null
}
