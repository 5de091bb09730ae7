# iapguard for one project, for the first day: it reports on every service, and may
# change nothing. With the application default credentials of an owner of the
# project:
#
#   terraform init
#   terraform apply -var project_id=my-project -var image=IMAGE
#
# IMAGE is what cloudbuild.yaml in the repository's root prints at its end.

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
  description = "The project whose services are looked at, and in which the function runs."
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

  # Try it before: iapguard policy check policy.yaml
  policy = file("${path.module}/policy.yaml")

  # When the reports are what you expect, this grants the writing role, and the
  # policy's own modes decide:
  # mode = "enforce"

  # Only where the policy restricts the ingress, turns IAP on at services
  # themselves, or redeploys; on each account that a protected service runs as:
  # runtime_accounts = ["shop-run@my-project.iam.gserviceaccount.com"]

  # Who may stop every write at once, for an incident:
  # hold_members = ["group:on-call@example.com"]
}

output "account" {
  description = "The function's account."
  value       = module.iapguard.account
}

output "hold" {
  description = "Stops every write."
  value       = module.iapguard.hold
}
