# A folder and a whole organisation, where each folder is written by an account of
# its own, and only once it is bound. Nothing here calls Google.

mock_provider "google" {
  source = "../../tests/google"
}

mock_provider "time" {}

override_resource {
  target = google_service_account.function
  values = {
    email = "iapguard@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.writer["folders/111"]
  values = {
    email = "iapguard-writer-111@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-writer-111@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.writer["folders/222"]
  values = {
    email = "iapguard-writer-222@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-writer-222@my-project.iam.gserviceaccount.com"
  }
}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  image          = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
  scope                          = "organizations/987654321"
}

run "an_organisation_is_looked_at_and_nobody_may_write" {
  variables {
    event_publishers = ["serviceAccount:o-sink@gcp-sa-logging.iam.gserviceaccount.com"]
  }
  assert {
    condition     = keys(google_organization_iam_custom_role.role) == ["iapguardAncestors", "iapguardCallers", "iapguardHeartbeat", "iapguardInherited", "iapguardReader"] && alltrue([for role in google_organization_iam_custom_role.role : role.org_id == "987654321"]) && length(google_project_iam_custom_role.role) == 0
    error_message = "roles: ${join(", ", keys(google_organization_iam_custom_role.role))}"
  }
  assert {
    condition     = keys(google_organization_iam_member.function) == ["iapguardAncestors", "iapguardCallers", "iapguardHeartbeat", "iapguardInherited", "iapguardReader"] && google_organization_iam_member.function["iapguardReader"].role == "organizations/987654321/roles/iapguardReader" && google_organization_iam_member.function["iapguardReader"].member == "serviceAccount:iapguard@my-project.iam.gserviceaccount.com"
    error_message = "granted: ${join(", ", keys(google_organization_iam_member.function))}"
  }
  assert {
    condition     = local.environment["IAPGUARD_WRITERS"] == "none" && length(google_folder_iam_member.writer) + length(google_project_iam_member.function) + length(google_folder_iam_member.function) == 0
    error_message = "somebody may write"
  }
  assert {
    condition     = jsondecode(google_pubsub_topic_iam_policy.topic["events"].policy_data).bindings == [{ role = "roles/pubsub.publisher", members = ["serviceAccount:o-sink@gcp-sa-logging.iam.gserviceaccount.com"] }]
    error_message = "the organisation's sinks cannot write, or somebody else publishes"
  }
  assert {
    condition     = local.environment["IAPGUARD_HEARTBEAT"] == "organizations/987654321" && google_organization_iam_member.function["iapguardHeartbeat"].role == "organizations/987654321/roles/iapguardHeartbeat"
    error_message = "the heartbeat is not where the sink is"
  }
  assert {
    condition     = keys(google_cloud_scheduler_job.sweep) == ["policy"] && jsondecode(base64decode(google_cloud_scheduler_job.sweep["policy"].pubsub_target[0].data)) == { command = "sweep" }
    error_message = "the sweep is not the policy's"
  }
}

run "a_folder_that_is_bound_is_the_wave_and_others_stay_planned" {
  variables {
    writers = {
      "folders/111" = { bound = true, runtime_accounts = ["shop-run@shop-prod.iam.gserviceaccount.com"], runtime_projects = ["shop-test"] }
      "folders/222" = {}
    }
    sweep_projects = ["shop-prod"]
  }
  assert {
    condition     = { for folder, account in google_service_account.writer : folder => account.account_id } == { "folders/111" = "iapguard-writer-111", "folders/222" = "iapguard-writer-222" }
    error_message = "a folder has no account of its own"
  }
  assert {
    condition     = { for folder, policy in google_service_account_iam_policy.writers : folder => jsondecode(policy.policy_data).bindings } == { for folder in ["folders/111", "folders/222"] : folder => [{ role = "roles/iam.serviceAccountTokenCreator", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"] }] }
    error_message = "the function cannot use a writer, or somebody else can"
  }
  assert {
    condition     = google_service_account_iam_policy.writers["folders/222"].service_account_id == "projects/my-project/serviceAccounts/iapguard-writer-222@my-project.iam.gserviceaccount.com"
    error_message = "the function may use other accounts than the writers"
  }
  assert {
    condition     = keys(google_folder_iam_member.writer) == ["folders/111"] && google_folder_iam_member.writer["folders/111"].folder == "folders/111" && google_folder_iam_member.writer["folders/111"].role == "organizations/987654321/roles/iapguardWriter" && google_folder_iam_member.writer["folders/111"].member == "serviceAccount:iapguard-writer-111@my-project.iam.gserviceaccount.com"
    error_message = "the writing role is bound elsewhere than on the folder of the wave"
  }
  assert {
    condition     = google_organization_iam_custom_role.role["iapguardWriter"].permissions == toset(local.role_file["iapguardWriter"].permissions[*].name)
    error_message = "the writing role has other permissions than its file"
  }
  assert {
    condition     = local.environment["IAPGUARD_WRITERS"] == "folders/111=iapguard-writer-111@my-project.iam.gserviceaccount.com"
    error_message = "writers are ${local.environment["IAPGUARD_WRITERS"]}"
  }
  assert {
    condition     = !contains(keys(google_organization_iam_member.function), "iapguardWriter") && !contains(keys(google_organization_iam_member.function), "iapguardRuntime")
    error_message = "the function's own account may write in the whole organisation"
  }
  assert {
    condition     = google_service_account_iam_member.runtime["folders/111 shop-run@shop-prod.iam.gserviceaccount.com"].member == "serviceAccount:iapguard-writer-111@my-project.iam.gserviceaccount.com" && google_project_iam_member.runtime["folders/111 shop-test"].project == "shop-test" && google_project_iam_member.runtime["folders/111 shop-test"].role == "organizations/987654321/roles/iapguardRuntime"
    error_message = "acting as runtime accounts is granted to somebody else, or elsewhere"
  }
  assert {
    condition     = contains(keys(google_project_service.api), "iamcredentials.googleapis.com")
    error_message = "the API that gives out the writers' tokens is not enabled"
  }
  assert {
    condition     = keys(google_cloud_scheduler_job.sweep) == ["policy", "shop-prod"] && google_cloud_scheduler_job.sweep["shop-prod"].name == "iapguard-sweep-shop-prod" && jsondecode(base64decode(google_cloud_scheduler_job.sweep["shop-prod"].pubsub_target[0].data)).target == "projects/shop-prod"
    error_message = "the project is not swept"
  }
}

run "a_folder_has_the_roles_of_its_organisation" {
  variables {
    event_publishers = ["serviceAccount:f-sink@gcp-sa-logging.iam.gserviceaccount.com"]
    scope            = "folders/333"
    organization_id  = "987654321"
    writers          = { "folders/111" = {} }
  }
  assert {
    condition     = keys(google_organization_iam_custom_role.role) == ["iapguardAncestors", "iapguardCallers", "iapguardHeartbeat", "iapguardInherited", "iapguardReader"] && google_folder_iam_member.function["iapguardReader"].folder == "folders/333" && google_folder_iam_member.function["iapguardReader"].role == "organizations/987654321/roles/iapguardReader" && length(google_organization_iam_member.function) == 0
    error_message = "the roles are granted elsewhere than on the folder"
  }
  assert {
    condition     = strcontains(google_pubsub_topic_iam_policy.topic["events"].policy_data, "serviceAccount:f-sink@gcp-sa-logging.iam.gserviceaccount.com")
    error_message = "the folder's sink is not as it should be"
  }
  assert {
    condition     = local.environment["IAPGUARD_HEARTBEAT"] == "folders/333" && google_folder_iam_member.function["iapguardHeartbeat"].folder == "folders/333" && length(google_folder_iam_member.writer) == 0 && local.environment["IAPGUARD_WRITERS"] == "none"
    error_message = "heartbeat or writers are not as they should be"
  }
}
