# iapguard for a whole organisation. The function reads every project. It writes to a
# folder only as that folder's writer account, and only once the account is bound:
# that is a wave. Folders that are not bound stay planned.
#
#   terraform init
#   terraform apply -var project_id=my-security-project -var organization_id=987654321 -var image=IMAGE
#
# Applying it creates custom roles, sinks and grants in the organisation, which needs
# roles/iam.organizationRoleAdmin, roles/logging.configWriter and
# roles/resourcemanager.organizationAdmin, and everything else in the project.

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
  description = "A project of the guard's own, in which the function runs: no editor works there."
  type        = string
}

variable "organization_id" {
  description = "The organisation's number (gcloud organizations list)."
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
  scope      = "organizations/${var.organization_id}"
  policy     = file("${path.module}/policy.yaml")

  # One folder after the other: each has an account, which is bound in its wave.
  writers = {
    # The first wave. Restricting the ingress and redeploys need to act as runtime
    # accounts, which is granted on single accounts or projects only.
    "folders/111111111111" = {
      bound            = true
      runtime_accounts = ["shop-run@shop-prod.iam.gserviceaccount.com"]
    }
    # The second wave, not bound yet: steps are reported, and none is taken.
    "folders/222222222222" = {}
  }

  # The policy selects projects by folder, so an hourly sweep without a target does
  # not know them: each has a sweep of its own.
  sweep_projects = ["shop-prod"]

  hold_members = ["group:on-call@example.com"]

  # Who may approve and send commands, as the account NAME-approver.
  operators = { approver = ["group:service-owners@example.com"] }
}

output "writers" {
  description = "The writing account of each folder."
  value       = module.iapguard.writers
}

output "hold" {
  description = "Stops every write."
  value       = module.iapguard.hold
}
