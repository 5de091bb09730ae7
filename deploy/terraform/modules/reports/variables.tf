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

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service, the secrets with policy and holds, and a memory with records in it. Set it to false, apply, and then destroy."
  type        = bool
  default     = true
}

variable "topics" {
  description = "The topics by their short names: reports and dead-letters, each as projects/P/topics/T."
  type        = map(string)
}

variable "pubsub_agent" {
  description = "Pub/Sub's own account, which writes the reports: serviceAccount:service-NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com. It must exist."
  type        = string
}

variable "export_readers" {
  description = "Accounts that read the bucket of evidence to export the reports (export)."
  type        = list(string)
  default     = []
}

variable "signatures_topic" {
  description = "The topic that takes the signatures of reports (core): projects/P/topics/T. null = reports are not signed."
  type        = string
  default     = null
}
