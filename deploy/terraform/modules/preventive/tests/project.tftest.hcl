# One project, as a team begins. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

variables {
  scope = "projects/my-project"
}

run "the_preventive_twin_is_there_when_asked_for" {
  variables {
    preventive      = ["ingress", "invoker", "iap"]
    organization_id = "987654321"
  }
  assert {
    condition     = google_org_policy_policy.preventive["custom.iapguardRequireIap"].name == "projects/my-project/policies/custom.iapguardRequireIap" && google_org_policy_custom_constraint.iap[0].parent == "organizations/987654321" && google_org_policy_custom_constraint.iap[0].action_type == "DENY"
    error_message = "IAP is not demanded, or elsewhere"
  }
  assert {
    condition     = google_org_policy_policy.preventive["run.allowedIngress"].name == "projects/my-project/policies/run.allowedIngress" && toset(google_org_policy_policy.preventive["run.allowedIngress"].spec[0].rules[0].values[0].allowed_values) == toset(["internal", "internal-and-cloud-load-balancing"])
    error_message = "run.allowedIngress is not as it should be"
  }
  assert {
    condition     = google_org_policy_policy.preventive["run.managed.requireInvokerIam"].parent == "projects/my-project" && google_org_policy_policy.preventive["run.managed.requireInvokerIam"].spec[0].rules[0].enforce == "TRUE"
    error_message = "run.managed.requireInvokerIam is not as it should be"
  }
}
