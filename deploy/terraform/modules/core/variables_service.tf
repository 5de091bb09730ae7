# The Cloud Run service, its policy and its holds.

variable "image" {
  description = "Image of the first deployment, by its digest. Afterwards cloudbuild.yaml or the output update_image brings new ones, and Terraform leaves them be."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.[a-z]+(:[0-9]+)?/[a-z0-9._/-]+(:[A-Za-z0-9_.-]+)?@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is \"${var.image}\": write it with registry, path and digest, such as europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:… and 64 hexadecimal digits, which cloudbuild.yaml prints; a tag can be moved to another image."
  }
}

variable "min_instances" {
  description = "Instances that are kept running. 0 costs nothing while nothing happens; an event then waits for a start."
  type        = number
  default     = 0

  validation {
    condition     = var.min_instances >= 0 && floor(var.min_instances) == var.min_instances
    error_message = "min_instances is ${var.min_instances}: write a whole number from 0."
  }
}

variable "max_instances" {
  description = "Instances at most. Google's write quota for Cloud Run is per region and minute, so that more do not make it faster."
  type        = number
  default     = 5

  validation {
    condition     = var.max_instances >= 1 && var.max_instances >= var.min_instances && floor(var.max_instances) == var.max_instances
    error_message = "max_instances is ${var.max_instances}: write a whole number of at least 1 and at least min_instances (${var.min_instances})."
  }
}

variable "concurrency" {
  description = "Requests that one instance handles at a time. The work is waiting for Google's APIs."
  type        = number
  default     = 20

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency is ${var.concurrency}: write a whole number from 1 to 1000, which is Cloud Run's limit."
  }
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "4"], var.cpu)
    error_message = "cpu is \"${var.cpu}\": write \"1\", \"2\" or \"4\"; with less than 1 Cloud Run takes one request at a time."
  }
}

variable "memory" {
  description = "Memory of an instance. The Go runtime keeps under nine tenths of it (GOMEMLIMIT)."
  type        = string
  default     = "512Mi"

  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.memory)) && try(tonumber(trimsuffix(trimsuffix(var.memory, "Mi"), "Gi")) * (endswith(var.memory, "Gi") ? 1024 : 1) >= 256, false)
    error_message = "memory is \"${var.memory}\": write Mi or Gi, at least 256Mi, such as 512Mi or 1Gi."
  }
}

variable "ingress" {
  description = "Who may reach the service over the network. Pub/Sub, Eventarc and Cloud Scheduler of the same project count as internal. People who send direct commands from elsewhere than a network of the project need INGRESS_TRAFFIC_ALL; its invoker check and the accounts of operators hold either way."
  type        = string
  default     = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  validation {
    condition     = contains(["INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_ALL"], var.ingress)
    error_message = "ingress is \"${var.ingress}\": write INGRESS_TRAFFIC_INTERNAL_ONLY, or INGRESS_TRAFFIC_ALL where something outside the project has to reach the service; a load balancer has no business before it."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service, the secrets with policy and holds, and a memory with records in it. Set it to false, apply, and then destroy."
  type        = bool
  default     = true
}

variable "memory_key" {
  description = "Secret with the key of the memory's MACs, projects/P/secrets/S: at least 32 bytes of text. With it, the function rejects a record that was not written with the key. Without it, records have no MAC. Who may read the secret is set here: the function alone. After a change of the key no earlier record can be read."
  type        = string
  default     = null

  validation {
    condition     = var.memory_key == null || can(regex("^projects/[a-z0-9.:-]+/secrets/[A-Za-z0-9_-]+$", var.memory_key))
    error_message = "memory_key is \"${coalesce(var.memory_key, "null")}\": write projects/PROJECT/secrets/SECRET, without a version; the newest one counts."
  }
}

variable "signing_key_version" {
  description = "Version of the key, made here, that signs each report: 1 at first, a higher one after a rotation. null signs nothing, and once a key was made it destroys that: see docs/how-to/signed-evidence.md."
  type        = number
  default     = null

  validation {
    condition     = var.signing_key_version == null || (coalesce(var.signing_key_version, 1) >= 1 && floor(coalesce(var.signing_key_version, 1)) == coalesce(var.signing_key_version, 1))
    error_message = "signing_key_version is ${coalesce(var.signing_key_version, 0)}: write the number of a version, 1 at first."
  }
}

variable "environment" {
  description = "More environment variables for the function: LOG_LEVEL, OTEL_*, IAPGUARD_ENDPOINT_*."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^(LOG_LEVEL|OTEL_[A-Z0-9_]+|IAPGUARD_ENDPOINT(_[A-Z]+)?)$", name))])
    error_message = "environment has ${join(", ", [for name in keys(var.environment) : name if !can(regex("^(LOG_LEVEL|OTEL_[A-Z0-9_]+|IAPGUARD_ENDPOINT(_[A-Z]+)?)$", name))])}: write LOG_LEVEL, OTEL_… and IAPGUARD_ENDPOINT… here; everything else the module sets itself, or the function does not know it."
  }
}

variable "policy" {
  description = "The policy file's text: file(\"policy.yaml\"). By default everything is looked at, and nothing is changed. Only its shape is checked here: give policy_checker, or try it with iapguard policy check before."
  type        = string
  default     = <<-EOT
    version: 1
    rules:
      - name: everything
        mode: report-only
  EOT

  validation {
    condition     = can(yamldecode(var.policy)) && try(yamldecode(var.policy).version == 1, false)
    error_message = "policy is not a policy file: give its text, not its path (policy = file(\"policy.yaml\")), beginning with version: 1, and try it with iapguard policy check FILE."
  }

  validation {
    condition     = !can(yamldecode(var.policy)) || try(length(yamldecode(var.policy).rules) > 0 && alltrue([for rule in yamldecode(var.policy).rules : length(rule.name) > 0]), false)
    error_message = "policy has no rules, or a rule without a name: begin with rules: and a list, each with - name: …; iapguard policy check FILE says where."
  }

  validation {
    condition     = alltrue([for rule in try(yamldecode(var.policy).rules, []) : contains(["report-only", "approve", "enforce"], try(rule.mode, "report-only"))])
    error_message = "policy has a rule whose mode is ${join(", ", [for rule in try(yamldecode(var.policy).rules, []) : rule.mode if !contains(["report-only", "approve", "enforce"], try(rule.mode, "report-only"))])}: write report-only, approve or enforce."
  }

  validation {
    condition     = length(distinct([for rule in try(yamldecode(var.policy).rules, []) : try(rule.name, "")])) == length(try(yamldecode(var.policy).rules, []))
    error_message = "policy has two rules of one name: reports tell them apart by it, so give each its own."
  }

  validation {
    condition     = length(var.policy) <= 65536
    error_message = "policy has more than 64 KiB, which is all that a version of a secret holds: write globs and folders instead of single names."
  }
}

variable "policy_checker" {
  description = "Path of the program iapguard, with which an apply tries the policy before it adds a version: an invalid one stops there. Without it only the policy's shape is checked."
  type        = string
  default     = null

  validation {
    condition     = var.policy_checker == null || can(regex("^[^ '\"]+$", coalesce(var.policy_checker, " ")))
    error_message = "policy_checker is \"${coalesce(var.policy_checker, "null")}\": write the path of the program iapguard, without arguments and spaces."
  }
}
