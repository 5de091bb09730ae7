# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  scope = "projects/my-project"
}

# preventive has egress: write "ingress", "invoker", "iap", several, or nothing
run "an_unknown_organisation_policy" {
  command = plan

  variables {
    preventive = ["egress"]
  }
  expect_failures = [var.preventive]
}

# preventive has "iap", a custom constraint, which belongs to an organisation: set organization_id
run "a_custom_constraint_without_an_organisation" {
  command = plan

  variables {
    preventive = ["iap"]
  }
  expect_failures = [var.preventive]
}
