variable "project_id" {
  description = "The guard's own project, in which the function runs: no editor works there."
  type        = string
}

variable "folder_id" {
  description = "The folder's number."
  type        = string
}

variable "organization_id" {
  description = "The organisation's number, where the roles are made."
  type        = string
}

variable "region" {
  description = "Where the function runs."
  type        = string
}

variable "image" {
  description = "The function's image, with its digest."
  type        = string
}

variable "policy_file" {
  description = "The policy, from this folder on."
  type        = string
  default     = "policy.yaml"
}

variable "policy_checker" {
  description = "Path of the program iapguard, with which an apply tries the policy first."
  type        = string
  default     = null
}

variable "hold_members" {
  description = "Who is on call, and may stop every write."
  type        = set(string)
  default     = []
}

variable "approvers" {
  description = "Who may approve and send commands, as the account NAME-approver."
  type        = set(string)
  default     = []
}

variable "deployers" {
  description = "Who deploys new images: the account of the build."
  type        = set(string)
  default     = []
}

variable "notification_channels" {
  description = "Where alerts go."
  type        = set(string)
  default     = []
}

variable "bound" {
  description = "Whether the account that writes may write below the folder. Until then everything stays planned."
  type        = bool
  default     = false
}

variable "runtime_accounts" {
  description = "Where bound: accounts that guarded services run as."
  type        = set(string)
  default     = []
}

variable "sweep_projects" {
  description = "Projects with a sweep of their own every hour: those that the policy does not name in full."
  type        = set(string)
  default     = []
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service and what it keeps. Set it to false, apply, and then destroy."
  type        = bool
  default     = true
}
