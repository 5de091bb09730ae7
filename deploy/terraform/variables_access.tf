# Who may do what with the guard itself: modules/core.

variable "operators" {
  description = "Who may send direct commands, approvals among them: for each account NAME-KEY the people and groups that take its identity tokens. The policy's approvers name these accounts. Default: the account NAME-approver, and nobody."
  type        = map(set(string))
  default     = { approver = [] }
}

variable "commanders" {
  description = "Who may publish commands: sweep, audit, plan, doctor, and apply as far as an event would act. The message does not say who sent it, so nothing else is taken from there."
  type        = set(string)
  default     = []
}

variable "policy_writers" {
  description = "Who may read the policy and add versions to it, beside Terraform: the build's account, where cloudbuild.yaml does it."
  type        = set(string)
  default     = []
}

variable "deployers" {
  description = "Who deploys new images: the build's account. These may update the service, and act as the function's account."
  type        = set(string)
  default     = []
}

variable "hold_members" {
  description = "Who is on call and may hold and resume: these may read the holds secret and add versions to it."
  type        = set(string)
  default     = []
}
