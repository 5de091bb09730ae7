# Reports of a deployment that exists, as messages of a chat. README.md says how to apply it.

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
}

module "chat" {
  source = "../../modules/chat"

  project_id   = var.project_id
  name         = var.name
  pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  topics       = { for topic in ["reports", "dead-letters"] : topic => "projects/${var.project_id}/topics/${var.name}-${topic}" }
  webhook      = var.webhook
  outcomes     = var.outcomes
}
