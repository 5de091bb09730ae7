# Who may do what with the guard itself. By default nobody may, beyond the module's own
# accounts and those who own or edit the project. Everything here is authoritative: an
# apply takes away what was granted by hand (docs/reference/bindings.md).

variable "operators" {
  description = "Who may send direct commands, approvals among them: for each account NAME-KEY the people and groups that take its identity tokens. The policy's approvers name these accounts. Default: the account NAME-approver, and nobody."
  type        = map(set(string))
  default     = { approver = [] }

  validation {
    condition     = alltrue([for key in keys(var.operators) : can(regex("^[a-z]([a-z0-9-]*[a-z0-9])?$", key)) && length("${var.name}-${key}") <= 30 && !contains(["events", "work", "commands", "refused", "trigger"], key) && !startswith(key, "writer-")])
    error_message = "operators has the keys ${join(", ", keys(var.operators))}: write lower-case letters, digits and hyphens, at most ${29 - length(var.name)} of them, and none of events, work, commands, refused, trigger or writer-…, which are other accounts."
  }

  validation {
    condition     = alltrue([for member in flatten([for members in values(var.operators) : tolist(members)]) : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])
    error_message = "operators has ${join(", ", [for member in flatten([for members in values(var.operators) : tolist(members)]) : member if !can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])}: write user:ALICE@EXAMPLE.COM, group:… or serviceAccount:… with an e-mail address."
  }
}

variable "commanders" {
  description = "Who may publish commands: sweep, audit, plan, doctor, and apply as far as an event would act. The message does not say who sent it, so nothing else is taken from there."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.commanders : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])
    error_message = "commanders has ${join(", ", [for member in var.commanders : member if !can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])}: write user:ALICE@EXAMPLE.COM, group:… or serviceAccount:… with an e-mail address."
  }
}

variable "policy_writers" {
  description = "Who may read the policy and add versions to it, beside Terraform: the build's account, where cloudbuild.yaml does it."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.policy_writers : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])
    error_message = "policy_writers has ${join(", ", [for member in var.policy_writers : member if !can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])}: write user:ALICE@EXAMPLE.COM, group:… or serviceAccount:… with an e-mail address."
  }
}

variable "deployers" {
  description = "Who deploys new images: the build's account. These may update the service, and act as the function's account."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.deployers : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])
    error_message = "deployers has ${join(", ", [for member in var.deployers : member if !can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])}: write user:ALICE@EXAMPLE.COM, group:… or serviceAccount:… with an e-mail address."
  }
}

variable "hold_members" {
  description = "Who is on call and may hold and resume: these may read the holds secret and add versions to it."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.hold_members : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])
    error_message = "hold_members has ${join(", ", [for member in var.hold_members : member if !can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+\\.[^@ ]+$", member))])}: write user:ALICE@EXAMPLE.COM, group:… or serviceAccount:… with an e-mail address."
  }
}
