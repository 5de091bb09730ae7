# iapguard for one project, for the first day: it reports on every service, and may
# change nothing. The guard stands in a project of its own, because every editor of its
# project can command it, replace its image and act as it. With the application default
# credentials of an owner of both:
#
#   terraform init
#   terraform apply -var project_id=my-guard -var guarded_project_id=my-project -var image=IMAGE
#
# IMAGE is what cloudbuild.yaml in the repository's root prints at its end, with its digest.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.21, < 8.0"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

variable "project_id" {
  description = "The guard's own project, in which the function runs."
  type        = string
}

variable "guarded_project_id" {
  description = "The project whose services are looked at."
  type        = string
}

variable "region" {
  description = "Where the function runs."
  type        = string
  default     = "europe-west1"
}

variable "image" {
  description = "The function's image, with its digest."
  type        = string
}

module "iapguard" {
  source = "../.."

  project_id = var.project_id
  region     = var.region
  image      = var.image
  scope      = "projects/${var.guarded_project_id}"

  # For a trial in one project alone: leave scope out, and say
  # allow_guard_in_guarded_project = true

  # An apply tries it before it is in force, where the program is given:
  # policy_checker = "/usr/local/bin/iapguard"
  policy = file("${path.module}/policy.yaml")

  # When the reports are what you expect, this grants the writing role, and the
  # policy's own modes decide:
  # mode = "enforce"

  # Only where the policy restricts the ingress, turns IAP on at services
  # themselves, or redeploys; on each account that a protected service runs as:
  # runtime_accounts = ["shop-run@my-project.iam.gserviceaccount.com"]

  # Who may stop every write at once, for an incident:
  # hold_members = ["group:on-call@example.com"]

  # Who may approve and send commands, as the account NAME-approver; who deploys images:
  # operators = { approver = ["group:service-owners@example.com"] }
  # deployers = ["serviceAccount:build@my-guard.iam.gserviceaccount.com"]
}

output "account" {
  description = "The function's account."
  value       = module.iapguard.account
}

output "hold" {
  description = "Stops every write."
  value       = module.iapguard.hold
}
