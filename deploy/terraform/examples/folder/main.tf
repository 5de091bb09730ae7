# iapguard for everything below one folder. README.md says how to apply it.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.21, < 8.0"
    }
    time = {
      source  = "hashicorp/time"
      version = ">= 0.9, < 1.0"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

module "iapguard" {
  source = "../.."

  project_id = var.project_id
  region     = var.region
  image      = var.image
  policy     = file("${path.module}/${var.policy_file}")

  policy_checker        = var.policy_checker
  hold_members          = var.hold_members
  operators             = { approver = var.approvers }
  deployers             = var.deployers
  notification_channels = var.notification_channels
  deletion_protection   = var.deletion_protection

  scope           = "folders/${var.folder_id}"
  organization_id = var.organization_id
  sweep_projects  = var.sweep_projects
  writers = {
    "folders/${var.folder_id}" = { bound = var.bound, runtime_accounts = var.runtime_accounts }
  }
}
