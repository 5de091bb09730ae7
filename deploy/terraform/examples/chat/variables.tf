variable "project_id" {
  description = "The guard's own project."
  type        = string
}

variable "project_number" {
  description = "Its number, after which Google names Pub/Sub's agent."
  type        = string
}

variable "name" {
  description = "The name of the deployment."
  type        = string
  default     = "iapguard"
}

variable "webhook" {
  description = "Address of the space's incoming webhook. Who has it may write there."
  type        = string
  sensitive   = true
}

variable "outcomes" {
  description = "The outcomes that become a message."
  type        = set(string)
  default     = ["protected", "contested", "blocked", "failed", "held"]
}
