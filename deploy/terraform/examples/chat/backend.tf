# The state has the address of the webhook, so it is kept in a bucket that few may read.
# terraform init -backend-config=backend.hcl fills this in: see backend.hcl.example.
terraform {
  backend "gcs" {}
}
