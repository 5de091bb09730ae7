variable "project_id" {
  description = "Project in which the function and everything around it is made: one of its own, in which nobody works whose services are guarded."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is \"${var.project_id}\": write the project's id, such as my-project; its number or display name will not do."
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

variable "topics" {
  description = "The topics by their short names: reports and dead-letters, each as projects/P/topics/T."
  type        = map(string)
}

variable "pubsub_agent" {
  description = "Pub/Sub's own account, which writes the reports: serviceAccount:service-NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com. It must exist."
  type        = string
}

variable "webhook" {
  description = "Address of the space's incoming webhook, https://chat.googleapis.com/v1/spaces/…?key=…&token=…: who has it may write there. It is in the state, and who may read the subscription sees it."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^https://chat\\.googleapis\\.com/v1/spaces/[A-Za-z0-9_-]+/messages\\?\\S*key=\\S+$", var.webhook))
    error_message = "webhook is not an address of an incoming webhook: copy it from the space (Apps & integrations, Webhooks); it begins with https://chat.googleapis.com/v1/spaces/."
  }
}

variable "outcomes" {
  description = "The outcomes that become a message: compliant, started, protected, planned, redeployed, exempt, held, waiting, deferred, contested, blocked, failed, rejected or uncovered."
  type        = set(string)
  default     = ["protected", "contested", "blocked", "failed", "held"]

  validation {
    condition     = length(var.outcomes) > 0 && alltrue([for outcome in var.outcomes : contains(["compliant", "started", "protected", "planned", "redeployed", "exempt", "held", "waiting", "deferred", "contested", "blocked", "failed", "rejected", "uncovered"], outcome)])
    error_message = "outcomes has ${join(", ", [for outcome in var.outcomes : outcome if !contains(["compliant", "started", "protected", "planned", "redeployed", "exempt", "held", "waiting", "deferred", "contested", "blocked", "failed", "rejected", "uncovered"], outcome)])}: write one outcome or more, such as protected or blocked."
  }
}
