# The Cloud Run service, its policy and its holds: modules/core.

variable "image" {
  description = "Image of the first deployment, by its digest. Afterwards cloudbuild.yaml or the output update_image brings new ones, and Terraform leaves them be."
  type        = string
}

variable "min_instances" {
  description = "Instances that are kept running. 0 costs nothing while nothing happens; an event then waits for a start."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "Instances at most. Google's write quota for Cloud Run is per region and minute, so that more do not make it faster."
  type        = number
  default     = 5
}

variable "concurrency" {
  description = "Requests that one instance handles at a time. The work is waiting for Google's APIs."
  type        = number
  default     = 20
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = string
  default     = "1"
}

variable "memory" {
  description = "Memory of an instance. The Go runtime keeps under nine tenths of it (GOMEMLIMIT)."
  type        = string
  default     = "512Mi"
}

variable "ingress" {
  description = "Who may reach the service over the network. Pub/Sub, Eventarc and Cloud Scheduler of the same project count as internal. People who send direct commands from elsewhere than a network of the project need INGRESS_TRAFFIC_ALL; its invoker check and the accounts of operators hold either way."
  type        = string
  default     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
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
}

variable "signing_key_version" {
  description = "Version of the key, made here, that signs each report: 1 at first, a higher one after a rotation. null signs nothing, and once a key was made it destroys that: see docs/how-to/signed-evidence.md."
  type        = number
  default     = null
}

variable "environment" {
  description = "More environment variables for the function: LOG_LEVEL, OTEL_*, IAPGUARD_ENDPOINT_*."
  type        = map(string)
  default     = {}
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
}

variable "policy_checker" {
  description = "Path of the program iapguard, with which an apply tries the policy before it adds a version: an invalid one stops there. Without it only the policy's shape is checked."
  type        = string
  default     = null
}
