# iapguard for a whole organisation. The function looks at every project; it writes
# to a folder only with that folder's own account, and only once the account is
# bound: that is a wave. Folders that are not bound stay planned.
#
#   terraform init
#   terraform apply -var project_id=my-security-project -var organization_id=987654321 -var image=IMAGE
#
# Whoever applies it makes custom roles, sinks and grants in the organisation
# (roles/iam.organizationRoleAdmin, roles/logging.configWriter,
# roles/resourcemanager.organizationAdmin), and everything else in the project.

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
  description = "A project of the platform team's, in which the function runs."
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

  # One folder after the other: an account for each, and bound when its turn comes.
  writers = {
    # The first wave. Acting as runtime accounts is for restricting the ingress and
    # for redeploys, and granted on single accounts or projects only.
    "folders/111111111111" = {
      bound            = true
      runtime_accounts = ["shop-run@shop-prod.iam.gserviceaccount.com"]
    }
    # The second: what would be done is reported, and nothing is done.
    "folders/222222222222" = {}
  }

  # The policy chooses projects by folder, so that an hourly sweep without a target
  # would not know them: each has one of its own.
  sweep_projects = ["shop-prod"]

  hold_members = ["group:on-call@example.com"]
}

output "writers" {
  description = "The writing account of each folder."
  value       = module.iapguard.writers
}

output "hold" {
  description = "Stops every write."
  value       = module.iapguard.hold
}
