terraform {
  # 1.9: a variable's validation may look at other variables.
  required_version = ">= 1.9"

  required_providers {
    google = {
      source = "hashicorp/google"
      # 7.21: iap_enabled of a Cloud Run service, outside beta.
      version = ">= 7.21, < 8.0"
    }
  }
}
