# What is delivered to the function.

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
