# Reports, metrics, alerts and the dashboard.

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

variable "reports_location" {
  description = "Where BigQuery keeps the reports: a region, EU or US. By default the function's region. It cannot be changed without losing the table."
  type        = string
  default     = null

  validation {
    condition     = var.reports_location == null || can(regex("^(EU|US|[a-z]+-[a-z]+[0-9]+)$", coalesce(var.reports_location, "-")))
    error_message = "reports_location is \"${coalesce(var.reports_location, "null")}\": write EU, US, or a region such as europe-west1."
  }
}

variable "reports_days" {
  description = "For how many days BigQuery keeps the reports. They name people: who deployed, who undid a protection, from which address."
  type        = number
  default     = 400

  validation {
    condition     = var.reports_days >= 8 && floor(var.reports_days) == var.reports_days
    error_message = "reports_days is ${var.reports_days}: write a whole number of days from 8, so that a week can be looked back upon."
  }
}

variable "report_readers" {
  description = "Who may read the reports: in BigQuery with its three views, and in the bucket of evidence. To run queries they need roles/bigquery.jobUser in a project of their own choice too."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.report_readers : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])
    error_message = "report_readers has ${join(", ", [for member in var.report_readers : member if !can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])}: write user:ALICE@EXAMPLE.COM, group:… or serviceAccount:… with an e-mail address."
  }
}

variable "evidence_days" {
  description = "For how many days nobody can delete a report from the bucket of evidence. They name people, as those in BigQuery do. It can be raised later, and lowered until evidence_locked is true."
  type        = number
  default     = 400

  validation {
    condition     = var.evidence_days >= 1 && var.evidence_days <= 3650 && floor(var.evidence_days) == var.evidence_days
    error_message = "evidence_days is ${var.evidence_days}: write a whole number of days from 1 to 3650."
  }
}

variable "evidence_locked" {
  description = "Whether evidence_days is locked. That cannot be undone: the bucket, and with it the project, stays until its last report is old enough. Set it once the days are right; until then an owner of the project can still delete evidence, which raises an alert."
  type        = bool
  default     = false
}
