# A folder and a whole organisation, where each folder is written by an account of
# its own, and only once it is bound. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

variables {
  scope = "projects/my-project"
}

run "a_folder_has_the_roles_of_its_organisation" {
  variables {
    scope           = "folders/333"
    organization_id = "987654321"
    preventive      = ["invoker"]
  }
  assert {
    condition     = google_org_policy_policy.preventive["run.managed.requireInvokerIam"].name == "folders/333/policies/run.managed.requireInvokerIam"
    error_message = "the organisation policy is set elsewhere"
  }
}
