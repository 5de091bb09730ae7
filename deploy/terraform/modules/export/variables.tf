variable "project_id" {
  description = "Project in which the function and everything around it is made: one of its own, in which nobody works whose services are guarded."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is \"${var.project_id}\": write the project's id, such as my-project; its number or display name will not do."
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

variable "image" {
  description = "Image of the first deployment, by its digest. Afterwards cloudbuild.yaml or the output update_image brings new ones, and Terraform leaves them be."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.[a-z]+(:[0-9]+)?/[a-z0-9._/-]+(:[A-Za-z0-9_.-]+)?@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is \"${var.image}\": write it with registry, path and digest, such as europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:… and 64 hexadecimal digits, which cloudbuild.yaml prints; a tag can be moved to another image."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service, the secrets with policy and holds, and a memory with records in it. Set it to false, apply, and then destroy."
  type        = bool
  default     = true
}

variable "exports" {
  description = "Documents for security tools, made of the reports every hour: scc_source is a source of Security Command Center, organizations/O/sources/S, whose findings are kept up to date; ocsf writes Compliance Findings of OCSF 1.2 into the log of the job NAME-export-ocsf, for a log sink to route. Neither by default."
  type = object({
    scc_source = optional(string)
    ocsf       = optional(bool, false)
  })
  default = {}

  validation {
    condition     = can(regex("^organizations/[0-9]+/sources/[0-9]+$", coalesce(var.exports.scc_source, "organizations/1/sources/1")))
    error_message = "exports.scc_source is \"${coalesce(var.exports.scc_source, "null")}\": write organizations/NUMBER/sources/NUMBER (gcloud scc sources describe organizations/NUMBER --source-display-name=iapguard)."
  }
}

variable "evidence" {
  description = "The bucket with every report: gs://BUCKET. Who reads it is said there: the output readers."
  type        = string
}
