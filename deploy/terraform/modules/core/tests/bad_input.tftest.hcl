# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  image          = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
}

# iap_api_projects has projects/my-project: write project ids, without projects/
run "a_resource_name_for_a_project_with_iaps_api" {
  command = plan

  variables {
    iap_api_projects = ["projects/my-project"]
  }
  expect_failures = [var.iap_api_projects]
}

# iap_api_projects has other-project, and scope is projects/my-project: nothing else is guarded
run "iaps_api_in_a_project_that_is_not_guarded" {
  command = plan

  variables {
    iap_api_projects = ["other-project"]
  }
  expect_failures = [var.iap_api_projects]
}

# write it with registry, path and digest
run "an_image_without_a_registry" {
  command = plan

  variables {
    image = "iapguard:v1"
  }
  expect_failures = [var.image]
}

# which cloudbuild.yaml prints
run "an_image_without_a_tag" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard"
  }
  expect_failures = [var.image]
}

# a tag can be moved to another image
run "an_image_by_its_tag" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard:v1"
  }
  expect_failures = [var.image]
}

# min_instances is 0.5: write a whole number from 0
run "half_an_instance" {
  command = plan

  variables {
    min_instances = 0.5
  }
  expect_failures = [var.min_instances]
}

# at least min_instances (3)
run "more_instances_at_least_than_at_most" {
  command = plan

  variables {
    min_instances = 3
    max_instances = 2
  }
  expect_failures = [var.max_instances]
}

# write a whole number from 1 to 1000
run "no_concurrency" {
  command = plan

  variables {
    concurrency = 0
  }
  expect_failures = [var.concurrency]
}

# cpu is "0.5": write "1", "2" or "4"
run "half_a_cpu" {
  command = plan

  variables {
    cpu = "0.5"
  }
  expect_failures = [var.cpu]
}

# write Mi or Gi, at least 256Mi
run "memory_in_megabytes" {
  command = plan

  variables {
    memory = "512MB"
  }
  expect_failures = [var.memory]
}

# memory is "128Mi"
run "too_little_memory" {
  command = plan

  variables {
    memory = "128Mi"
  }
  expect_failures = [var.memory]
}

# a load balancer has no business before it
run "an_ingress_for_load_balancers" {
  command = plan

  variables {
    ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  }
  expect_failures = [var.ingress]
}

# environment has IAPGUARD_POLICY: write LOG_LEVEL
run "a_variable_that_the_module_sets" {
  command = plan

  variables {
    environment = { IAPGUARD_POLICY = "x" }
  }
  expect_failures = [var.environment]
}

# give its text, not its path (policy = file("policy.yaml"))
run "a_policy_s_path_for_its_text" {
  command = plan

  variables {
    policy = "policy.yaml"
  }
  expect_failures = [var.policy]
}

# iapguard policy check FILE
run "a_policy_without_a_version" {
  command = plan

  variables {
    policy = "rules: []"
  }
  expect_failures = [var.policy]
}

# policy has no rules, or a rule without a name
run "a_policy_without_rules" {
  command = plan

  variables {
    policy = "version: 1\nrules: []"
  }
  expect_failures = [var.policy]
}

# policy has a rule whose mode is block: write report-only, approve or enforce
run "a_policy_with_an_unknown_mode" {
  command = plan

  variables {
    policy = "version: 1\nrules: [{name: all, mode: block}]"
  }
  expect_failures = [var.policy]
}

# policy has two rules of one name
run "a_policy_with_two_rules_of_one_name" {
  command = plan

  variables {
    policy = "version: 1\nrules: [{name: all}, {name: all}]"
  }
  expect_failures = [var.policy]
}

# write the path of the program iapguard
run "a_checker_with_arguments" {
  command = plan

  variables {
    policy_checker = "iapguard policy check"
  }
  expect_failures = [var.policy_checker]
}

# commanders has allAuthenticatedUsers: write user:ALICE@EXAMPLE.COM
run "everybody_may_command" {
  command = plan

  variables {
    commanders = ["allAuthenticatedUsers"]
  }
  expect_failures = [var.commanders]
}

# deployers has build@my-project.iam.gserviceaccount.com: write
run "a_deployer_without_a_kind" {
  command = plan

  variables {
    deployers = ["build@my-project.iam.gserviceaccount.com"]
  }
  expect_failures = [var.deployers]
}

# policy_writers has domain:example.com: write
run "a_whole_domain_writes_the_policy" {
  command = plan

  variables {
    policy_writers = ["domain:example.com"]
  }
  expect_failures = [var.policy_writers]
}

# operators has allUsers: write user:ALICE@EXAMPLE.COM
run "everybody_approves" {
  command = plan

  variables {
    operators = { approver = ["allUsers"] }
  }
  expect_failures = [var.operators]
}

# operators has the keys work: write lower-case letters
run "an_operator_account_that_is_a_pusher_s" {
  command = plan

  variables {
    operators = { work = ["group:leads@example.com"] }
  }
  expect_failures = [var.operators]
}

# policy has more than 64 KiB, which is all that a version of a secret holds
run "a_policy_that_no_secret_holds" {
  command = plan

  variables {
    policy = format("version: 1\n# %070000d", 1)
  }
  expect_failures = [var.policy]
}

# hold_members has alice@example.com: write user:ALICE@EXAMPLE.COM
run "somebody_on_call_without_a_kind" {
  command = plan

  variables {
    hold_members = ["alice@example.com"]
  }
  expect_failures = [var.hold_members]
}

# hold_members has allUsers
run "everybody_on_call" {
  command = plan

  variables {
    hold_members = ["allUsers"]
  }
  expect_failures = [var.hold_members]
}

# write "report-only" or "enforce"
run "a_mode_of_the_policy_s" {
  command = plan

  variables {
    mode = "approve"
  }
  expect_failures = [var.mode]
}

# bind writers, folder by folder
run "an_organisation_to_be_enforced_at_once" {
  command = plan

  variables {
    scope = "organizations/987654321"
    mode  = "enforce"
  }
  expect_failures = [var.mode]
}

# enable_api is true, and nothing may write: set mode = "enforce"
run "an_api_to_enable_without_a_writer" {
  command = plan

  variables {
    enable_api = true
  }
  expect_failures = [var.enable_api]
}

# set mode = "enforce" instead, or scope to folders/NUMBER
run "writers_in_a_project" {
  command = plan

  variables {
    writers = { "folders/111" = {} }
  }
  expect_failures = [var.writers]
}

# writers has projects/shop: write each as folders/NUMBER
run "a_writer_of_a_project" {
  command = plan

  variables {
    scope   = "organizations/987654321"
    writers = { "projects/shop" = {} }
  }
  expect_failures = [var.writers]
}

# choose a shorter name than "iapguard-production"
run "a_writer_whose_account_s_name_is_too_long" {
  command = plan

  variables {
    scope   = "organizations/987654321"
    name    = "iapguard-production"
    writers = { "folders/123456789012" = {} }
  }
  expect_failures = [var.writers]
}

# writers has folders/111 with runtime accounts, and not bound
run "runtime_accounts_of_a_writer_that_writes_nothing" {
  command = plan

  variables {
    scope   = "organizations/987654321"
    writers = { "folders/111" = { runtime_projects = ["shop-prod"] } }
  }
  expect_failures = [var.writers]
}

# runtime_accounts of one of writers has something else than a service account
run "a_writer_acting_as_a_person" {
  command = plan

  variables {
    scope   = "organizations/987654321"
    writers = { "folders/111" = { bound = true, runtime_accounts = ["alice@example.com"] } }
  }
  expect_failures = [var.writers]
}

# never on a folder or organisation
run "a_writer_acting_as_a_whole_folder" {
  command = plan

  variables {
    scope   = "organizations/987654321"
    writers = { "folders/111" = { bound = true, runtime_projects = ["folders/111"] } }
  }
  expect_failures = [var.writers]
}

# runtime_accounts has shop-run: write the e-mail address of a service account
run "a_runtime_account_by_its_name" {
  command = plan

  variables {
    mode             = "enforce"
    runtime_accounts = ["shop-run"]
  }
  expect_failures = [var.runtime_accounts]
}

# runtime_accounts are given, and nothing may write
run "runtime_accounts_in_report_only" {
  command = plan

  variables {
    runtime_accounts = ["shop-run@my-project.iam.gserviceaccount.com"]
  }
  expect_failures = [var.runtime_accounts]
}

# Acting as accounts is never granted on a folder or organisation
run "acting_as_every_account_of_an_organisation" {
  command = plan

  variables {
    scope            = "organizations/987654321"
    runtime_projects = ["organizations/987654321"]
  }
  expect_failures = [var.runtime_projects]
}

# runtime_projects are given, and nothing may write
run "runtime_projects_in_report_only" {
  command = plan

  variables {
    runtime_projects = ["my-project"]
  }
  expect_failures = [var.runtime_projects]
}

# optional_roles has writer: write "inherited", "callers", "domains", "ancestors", or nothing
run "an_optional_role_that_is_none" {
  command = plan

  variables {
    optional_roles = ["writer"]
  }
  expect_failures = [var.optional_roles]
}

# optional_roles has ancestors, and scope is a project
run "ancestors_of_a_project_scope" {
  command = plan

  variables {
    optional_roles = ["ancestors"]
  }
  expect_failures = [var.optional_roles]
}

# without a version
run "a_version_of_a_secret" {
  command = plan

  variables {
    oauth_client_secrets = ["projects/my-project/secrets/iap/versions/latest"]
  }
  expect_failures = [var.oauth_client_secrets]
}

# keep the secret in the scope's project
run "a_secret_of_another_project" {
  command = plan

  variables {
    oauth_client_secrets = ["projects/other-project/secrets/iap"]
  }
  expect_failures = [var.oauth_client_secrets]
}

# sweep_schedule is "hourly": write five fields of cron
run "a_schedule_in_words" {
  command = plan

  variables {
    sweep_schedule = "hourly"
  }
  expect_failures = [var.sweep_schedule]
}

# which is swept anyway: leave them out
run "sweeps_in_a_project" {
  command = plan

  variables {
    sweep_projects = ["shop-prod"]
  }
  expect_failures = [var.sweep_projects]
}

# sweep_projects has projects/shop-prod: write project ids, without projects/
run "a_sweep_by_resource_name" {
  command = plan

  variables {
    scope          = "organizations/987654321"
    sweep_projects = ["projects/shop-prod"]
  }
  expect_failures = [var.sweep_projects]
}

# memory_key is "projects/my-project/secrets/key/versions/1": write projects/PROJECT/secrets/SECRET
run "a_version_for_the_key_of_the_memory" {
  command = plan

  variables {
    memory_key = "projects/my-project/secrets/key/versions/1"
  }
  expect_failures = [var.memory_key]
}

# signing_key_version is 0: write the number of a version
run "a_version_of_the_signing_key_that_is_none" {
  command = plan

  variables {
    signing_key_version = 0
  }
  expect_failures = [var.signing_key_version]
}

# digest_schedule is "daily": write five fields of cron
run "a_word_for_the_schedule_of_the_digest" {
  command = plan

  variables {
    digest_schedule = "daily"
  }
  expect_failures = [var.digest_schedule]
}
