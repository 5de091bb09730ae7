# One project, as a team begins. Nothing here calls Google.

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
  target = google_service_account.pusher["commands"]
  values = {
    email = "iapguard-commands@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-commands@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.pusher["events"]
  values = {
    email = "iapguard-events@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-events@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.pusher["refused"]
  values = {
    email = "iapguard-refused@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-refused@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.pusher["work"]
  values = {
    email = "iapguard-work@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-work@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.operator["approver"]
  values = {
    email = "iapguard-approver@my-project.iam.gserviceaccount.com"
    name  = "projects/my-project/serviceAccounts/iapguard-approver@my-project.iam.gserviceaccount.com"
  }
}

variables {
  project_id     = "my-project"
  project_number = "123456789012"
  region         = "europe-west1"
  image          = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
}

run "everything_is_looked_at_and_nothing_may_be_written" {
  assert {
    condition     = keys(google_project_iam_custom_role.role) == ["iapguardCallers", "iapguardHeartbeat", "iapguardInherited", "iapguardReader"]
    error_message = "roles: ${join(", ", keys(google_project_iam_custom_role.role))}"
  }
  assert {
    condition     = toset(values(google_project_iam_member.function)[*].role) == toset(["projects/my-project/roles/iapguardCallers", "projects/my-project/roles/iapguardHeartbeat", "projects/my-project/roles/iapguardInherited", "projects/my-project/roles/iapguardReader"])
    error_message = "granted: ${join(", ", values(google_project_iam_member.function)[*].role)}"
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.function : grant.member == "serviceAccount:iapguard@my-project.iam.gserviceaccount.com" && grant.project == "my-project"])
    error_message = "the roles are granted to somebody else, or elsewhere"
  }
  assert {
    condition     = !anytrue([for role in google_project_iam_custom_role.role : anytrue([for permission in role.permissions : endswith(permission, ".update") || endswith(permission, ".setIamPolicy") || endswith(permission, ".actAs")])])
    error_message = "a reading role may write"
  }
  assert {
    condition     = google_project_iam_custom_role.role["iapguardReader"].permissions == toset(local.role_file["iapguardReader"].permissions[*].name)
    error_message = "the role has other permissions than its file"
  }
  assert {
    condition     = local.environment["IAPGUARD_WRITERS"] == "none"
    error_message = "report-only, and writers are ${local.environment["IAPGUARD_WRITERS"]}"
  }
}

run "the_service_is_as_safe_and_as_large_as_it_should_be" {
  assert {
    condition     = google_cloud_run_v2_service.function.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && google_cloud_run_v2_service.function.invoker_iam_disabled == false && google_cloud_run_v2_service.function.iap_enabled == false && google_cloud_run_v2_service.function.default_uri_disabled == false && google_cloud_run_v2_service.function.deletion_protection
    error_message = "ingress, invoker check, IAP, default address or deletion protection is not as it should be"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].timeout == "600s" && google_cloud_run_v2_service.function.template[0].max_instance_request_concurrency == 20 && google_cloud_run_v2_service.function.template[0].service_account == "iapguard@my-project.iam.gserviceaccount.com"
    error_message = "timeout, concurrency or account is not as it should be"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].scaling[0].min_instance_count == 0 && google_cloud_run_v2_service.function.template[0].scaling[0].max_instance_count == 5
    error_message = "the number of instances is not as it should be"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].containers[0].resources[0].limits == tomap({ cpu = "1", memory = "512Mi" })
    error_message = "CPU or memory is not as it should be"
  }
  assert {
    condition = { for env in google_cloud_run_v2_service.function.template[0].containers[0].env : env.name => env.value } == {
      IAPGUARD_AUDIENCE         = "https://iapguard-123456789012.europe-west1.run.app"
      IAPGUARD_CALLERS_COMMANDS = "iapguard-commands@my-project.iam.gserviceaccount.com"
      IAPGUARD_CALLERS_EVENTS   = "iapguard-events@my-project.iam.gserviceaccount.com,iapguard-refused@my-project.iam.gserviceaccount.com"
      IAPGUARD_CALLERS_WORK     = "iapguard-work@my-project.iam.gserviceaccount.com"
      IAPGUARD_HEARTBEAT        = "projects/my-project"
      IAPGUARD_OPERATORS        = "iapguard-approver@my-project.iam.gserviceaccount.com"
      IAPGUARD_POLICY           = "/policy/policy.yaml"
      IAPGUARD_HOLDS            = "/holds/holds.yaml"
      IAPGUARD_REPORTS_TOPIC    = "projects/my-project/topics/iapguard-reports"
      IAPGUARD_WORK_TOPIC       = "projects/my-project/topics/iapguard-work"
      IAPGUARD_MEMORY           = "gs://iapguard-memory-123456789012"
      IAPGUARD_SELF             = "iapguard@my-project.iam.gserviceaccount.com"
      IAPGUARD_WRITERS          = "none"
      GOMEMLIMIT                = "460MiB"
    }
    error_message = "environment: ${jsonencode(local.environment)}"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].containers[0].startup_probe[0].http_get[0].path == "/healthz" && google_cloud_run_v2_service.function.template[0].containers[0].liveness_probe[0].http_get[0].path == "/healthz"
    error_message = "a probe asks elsewhere"
  }
  assert {
    condition = { for volume in google_cloud_run_v2_service.function.template[0].volumes : volume.name => "${volume.secret[0].secret} ${volume.secret[0].items[0].version} ${volume.secret[0].items[0].path}" } == {
      policy = "iapguard-policy latest policy.yaml"
      holds  = "iapguard-holds latest holds.yaml"
    }
    error_message = "the files are others"
  }
  assert {
    condition     = { for mount in google_cloud_run_v2_service.function.template[0].containers[0].volume_mounts : mount.name => mount.mount_path } == { policy = "/policy", holds = "/holds" }
    error_message = "the files are mounted elsewhere"
  }
  assert {
    condition = jsondecode(google_cloud_run_v2_service_iam_policy.function.policy_data).bindings == [
      { role = "roles/run.invoker", members = [for account in ["commands", "events", "refused", "work", "approver"] : "serviceAccount:iapguard-${account}@my-project.iam.gserviceaccount.com"] },
      { role = "roles/run.viewer", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"] },
    ]
    error_message = "somebody else may invoke the function: ${google_cloud_run_v2_service_iam_policy.function.policy_data}"
  }
}

run "the_memory_is_kept_and_the_function_alone_writes_it" {
  assert {
    condition     = google_storage_bucket.memory.name == "iapguard-memory-123456789012" && google_storage_bucket.memory.location == "europe-west1" && google_storage_bucket.memory.uniform_bucket_level_access && google_storage_bucket.memory.public_access_prevention == "enforced" && !google_storage_bucket.memory.force_destroy
    error_message = "the bucket is open, elsewhere, or easily deleted"
  }
  assert {
    condition     = google_storage_bucket.memory.versioning[0].enabled && google_storage_bucket.memory.soft_delete_policy[0].retention_duration_seconds == 2592000
    error_message = "what is overwritten or deleted is lost"
  }
  assert {
    condition = jsondecode(google_storage_bucket_iam_policy.memory.policy_data).bindings == [
      { members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"], role = "projects/my-project/roles/iapguardMemory" },
      { members = ["projectOwner:my-project"], role = "roles/storage.legacyBucketOwner" },
    ]
    error_message = "the policy is ${google_storage_bucket_iam_policy.memory.policy_data}"
  }
  assert {
    condition     = google_project_iam_custom_role.memory.permissions == toset(local.role_file["iapguardMemory"].permissions[*].name)
    error_message = "the role has other permissions than its file"
  }
  assert {
    condition     = length(google_secret_manager_secret_iam_policy.memory_key) == 0
    error_message = "a key is read that nobody named"
  }
}

run "the_key_of_the_memory_is_mounted_and_read_by_the_function" {
  variables {
    memory_key = "projects/my-project/secrets/memory-key"
  }
  assert {
    condition     = local.environment["IAPGUARD_MEMORY_KEY"] == "/memory-key/key" && local.mounted["memory-key"].secret == "projects/my-project/secrets/memory-key"
    error_message = "the key is elsewhere: ${jsonencode(local.mounted)}"
  }
  assert {
    condition     = google_secret_manager_secret_iam_policy.memory_key[0].secret_id == "memory-key" && jsondecode(google_secret_manager_secret_iam_policy.memory_key[0].policy_data).bindings == [{ role = "roles/secretmanager.secretAccessor", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"] }]
    error_message = "the function cannot read the key, or others can"
  }
}

run "reports_are_not_signed_unless_somebody_asks" {
  assert {
    condition     = length(google_kms_crypto_key.signing) == 0 && length(google_pubsub_topic.signatures) == 0 && !contains(keys(local.environment), "IAPGUARD_SIGNING_KEY") && !contains(local.apis, "cloudkms.googleapis.com")
    error_message = "a key is made that nobody asked for"
  }
}

run "the_function_alone_signs_and_readers_of_reports_read_the_public_key" {
  variables {
    signing_key_version = 2
    signature_readers   = ["group:auditors@example.com"]
  }
  assert {
    condition     = endswith(local.environment["IAPGUARD_SIGNING_KEY"], "/cryptoKeyVersions/2") && local.environment["IAPGUARD_SIGNATURES_TOPIC"] == "projects/my-project/topics/iapguard-signatures"
    error_message = "the function signs with ${local.environment["IAPGUARD_SIGNING_KEY"]} into ${local.environment["IAPGUARD_SIGNATURES_TOPIC"]}"
  }
  assert {
    condition     = google_kms_crypto_key.signing["reports"].purpose == "ASYMMETRIC_SIGN" && google_kms_crypto_key.signing["reports"].version_template[0].algorithm == "EC_SIGN_P256_SHA256" && google_kms_key_ring.signing["reports"].location == "europe-west1"
    error_message = "the key is for something else, or elsewhere"
  }
  assert {
    condition = jsondecode(google_kms_crypto_key_iam_policy.signing["reports"].policy_data).bindings == [
      { role = "roles/cloudkms.signerVerifier", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"] },
      { role = "roles/cloudkms.publicKeyViewer", members = ["group:auditors@example.com"] },
    ]
    error_message = "others may sign: ${google_kms_crypto_key_iam_policy.signing["reports"].policy_data}"
  }
  assert {
    condition     = jsondecode(google_pubsub_topic_iam_policy.signatures["reports"].policy_data).bindings == [{ role = "roles/pubsub.publisher", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"] }] && contains(local.apis, "cloudkms.googleapis.com")
    error_message = "others publish signatures, or the API is off"
  }
}

run "what_is_pushed_arrives_with_a_token_and_is_tried_for_an_hour" {
  assert {
    condition = { for name, subscription in google_pubsub_subscription.push : name => subscription.push_config[0].push_endpoint } == {
      events   = "https://iapguard-123456789012.europe-west1.run.app/"
      work     = "https://iapguard-123456789012.europe-west1.run.app/work"
      commands = "https://iapguard-123456789012.europe-west1.run.app/commands"
      refused  = "https://iapguard-123456789012.europe-west1.run.app/"
    }
    error_message = "pushed elsewhere: ${jsonencode({ for name, subscription in google_pubsub_subscription.push : name => subscription.push_config[0].push_endpoint })}"
  }
  assert {
    condition     = alltrue([for topic, subscription in google_pubsub_subscription.push : subscription.push_config[0].oidc_token[0].audience == "https://iapguard-123456789012.europe-west1.run.app" && subscription.push_config[0].oidc_token[0].service_account_email == "iapguard-${topic}@my-project.iam.gserviceaccount.com"])
    error_message = "a push has no token of its path's account for the service"
  }
  assert {
    condition     = alltrue([for topic, subscription in google_pubsub_subscription.push : subscription.ack_deadline_seconds == 600 && subscription.retry_policy[0].minimum_backoff == "10s" && subscription.retry_policy[0].maximum_backoff == "120s" && subscription.dead_letter_policy[0].max_delivery_attempts == (topic == "refused" ? 5 : 30) && subscription.dead_letter_policy[0].dead_letter_topic == "projects/my-project/topics/iapguard-${topic == "refused" ? "refused-" : ""}dead-letters" && subscription.expiration_policy[0].ttl == ""])
    error_message = "deadline, backoff, attempts, dead letters or expiration is not as it should be"
  }
  assert {
    condition     = keys(google_pubsub_subscription.dead_letters) == ["dead-letters", "refused-dead-letters"] && alltrue([for letters in google_pubsub_subscription.dead_letters : letters.expiration_policy[0].ttl == "" && letters.message_retention_duration == "2678400s" && length(letters.push_config) == 0])
    error_message = "dead letters are not kept"
  }
  assert {
    condition     = alltrue([for topic in ["dead-letters", "refused-dead-letters"] : jsondecode(google_pubsub_topic_iam_policy.topic[topic].policy_data).bindings == [{ role = "roles/pubsub.publisher", members = ["serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"] }]]) && keys(google_pubsub_subscription_iam_policy.push) == ["commands", "events", "refused", "work"]
    error_message = "Pub/Sub's agent cannot move a message to the dead letters"
  }
  assert {
    condition     = keys(google_service_account_iam_policy.pushers) == ["commands", "events", "refused", "work"] && alltrue([for policy in google_service_account_iam_policy.pushers : jsondecode(policy.policy_data).bindings == [{ role = "roles/iam.serviceAccountOpenIdTokenCreator", members = ["serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"] }]])
    error_message = "Pub/Sub's agent cannot sign as the pushers, or others can"
  }
  assert {
    condition     = [for topic, policy in google_pubsub_topic_iam_policy.topic : topic if strcontains(policy.policy_data, "serviceAccount:iapguard@my-project.iam.gserviceaccount.com")] == ["reports", "work"]
    error_message = "the function publishes to other topics than reports and work"
  }
  assert {
    condition     = alltrue([for topic in google_pubsub_topic.topic : length(topic.schema_settings) == 0]) && length(google_pubsub_topic.topic) == 7
    error_message = "a topic has a schema, or there are not seven"
  }
}

run "a_sink_an_alert_a_sweep_and_a_heartbeat_feed_it" {
  variables {
    event_publishers   = ["serviceAccount:sink@gcp-sa-logging.iam.gserviceaccount.com"]
    refused_publishers = ["serviceAccount:service-123456789012@gcp-sa-monitoring-notification.iam.gserviceaccount.com"]
  }
  assert {
    condition     = jsondecode(google_pubsub_topic_iam_policy.topic["events"].policy_data).bindings == [{ role = "roles/pubsub.publisher", members = ["serviceAccount:sink@gcp-sa-logging.iam.gserviceaccount.com"] }]
    error_message = "the sink may not publish, or others may"
  }
  assert {
    condition     = jsondecode(google_pubsub_topic_iam_policy.topic["refused"].policy_data).bindings == [{ role = "roles/pubsub.publisher", members = ["serviceAccount:service-123456789012@gcp-sa-monitoring-notification.iam.gserviceaccount.com"] }]
    error_message = "refused requests do not reach the function"
  }
  assert {
    condition     = keys(google_cloud_scheduler_job.sweep) == ["own"] && google_cloud_scheduler_job.sweep["own"].name == "iapguard-sweep" && google_cloud_scheduler_job.sweep["own"].pubsub_target[0].topic_name == "projects/my-project/topics/iapguard-commands" && jsondecode(base64decode(google_cloud_scheduler_job.sweep["own"].pubsub_target[0].data)) == { command = "sweep", target = "projects/my-project" }
    error_message = "the sweep is not as it should be"
  }
  assert {
    condition     = google_cloud_scheduler_job.due.schedule == "* * * * *" && google_cloud_scheduler_job.due.pubsub_target[0].topic_name == "projects/my-project/topics/iapguard-commands" && jsondecode(base64decode(google_cloud_scheduler_job.due.pubsub_target[0].data)) == { command = "due" }
    error_message = "what waits is not woken every minute"
  }
  assert {
    condition     = local.environment["IAPGUARD_HEARTBEAT"] == "projects/my-project" && google_project_iam_member.function["iapguardHeartbeat"].role == "projects/my-project/roles/iapguardHeartbeat" && google_project_iam_custom_role.role["iapguardHeartbeat"].permissions == toset(["logging.logEntries.create"])
    error_message = "the heartbeat cannot be written, or more than entries can be"
  }
}

run "enforce_adds_the_writing_role_and_nothing_else" {
  variables {
    mode = "enforce"
  }
  assert {
    condition     = keys(google_project_iam_member.function) == ["iapguardCallers", "iapguardHeartbeat", "iapguardInherited", "iapguardReader", "iapguardWriter"]
    error_message = "granted: ${join(", ", keys(google_project_iam_member.function))}"
  }
  assert {
    condition     = !contains(keys(local.environment), "IAPGUARD_WRITERS")
    error_message = "the own account is to write, and writers are named"
  }
  assert {
    condition     = !contains(keys(google_project_iam_custom_role.role), "iapguardRuntime") && length(google_service_account_iam_member.runtime) + length(google_project_iam_member.runtime) == 0
    error_message = "acting as other accounts is granted unasked"
  }
}

run "acting_as_accounts_is_granted_where_it_is_asked_for" {
  variables {
    mode                 = "enforce"
    runtime_accounts     = ["shop-run@my-project.iam.gserviceaccount.com"]
    runtime_projects     = ["my-project"]
    oauth_client_secrets = ["projects/my-project/secrets/iap-client"]
    optional_roles       = []
  }
  assert {
    condition     = google_service_account_iam_member.runtime["function shop-run@my-project.iam.gserviceaccount.com"].service_account_id == "projects/-/serviceAccounts/shop-run@my-project.iam.gserviceaccount.com" && google_service_account_iam_member.runtime["function shop-run@my-project.iam.gserviceaccount.com"].role == "projects/my-project/roles/iapguardRuntime"
    error_message = "acting as the account is not granted"
  }
  assert {
    condition     = google_project_iam_member.runtime["function my-project"].project == "my-project" && google_project_iam_member.runtime["function my-project"].role == "projects/my-project/roles/iapguardRuntime"
    error_message = "acting as the project's accounts is not granted"
  }
  assert {
    condition     = google_project_iam_custom_role.role["iapguardRuntime"].permissions == toset(["iam.serviceAccounts.actAs"])
    error_message = "the role can do more than act as accounts"
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.oauth_client["projects/my-project/secrets/iap-client"].secret_id == "iap-client" && google_secret_manager_secret_iam_member.oauth_client["projects/my-project/secrets/iap-client"].role == "projects/my-project/roles/iapguardOAuthClient"
    error_message = "the OAuth client cannot be read"
  }
  assert {
    condition     = keys(google_project_iam_member.function) == ["iapguardHeartbeat", "iapguardReader", "iapguardWriter"]
    error_message = "a role is granted that nobody asked for"
  }
}

run "another_project_can_be_watched" {
  variables {
    scope = "projects/other-project"
  }
  assert {
    condition     = google_project_iam_custom_role.role["iapguardReader"].project == "other-project" && google_project_iam_member.function["iapguardReader"].project == "other-project"
    error_message = "the scope is not the project that was named"
  }
  assert {
    condition     = jsondecode(base64decode(google_cloud_scheduler_job.sweep["own"].pubsub_target[0].data)).target == "projects/other-project" && local.environment["IAPGUARD_HEARTBEAT"] == "projects/other-project"
    error_message = "sweep or heartbeat is elsewhere"
  }
}

run "policy_holds_and_who_is_on_call" {
  variables {
    policy       = "version: 1\nrules: [{name: all}]\n"
    hold_members = ["group:on-call@example.com"]
  }
  assert {
    condition     = google_secret_manager_secret_version.policy.secret_data == "version: 1\nrules: [{name: all}]\n" && google_secret_manager_secret_version.holds.secret_data == "version: 1\n"
    error_message = "the files hold something else"
  }
  assert {
    condition     = jsondecode(google_secret_manager_secret_iam_policy.file["holds"].policy_data).bindings == [{ role = "roles/secretmanager.secretAccessor", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com", "group:on-call@example.com"] }, { role = "roles/secretmanager.secretVersionAdder", members = ["group:on-call@example.com"] }]
    error_message = "who is on call cannot hold, or can do more"
  }
  assert {
    condition     = jsondecode(google_secret_manager_secret_iam_policy.file["policy"].policy_data).bindings == [{ role = "roles/secretmanager.secretAccessor", members = ["serviceAccount:iapguard@my-project.iam.gserviceaccount.com"] }]
    error_message = "the function cannot read its policy, or somebody can change it"
  }
}

run "sizes_names_and_settings_can_be_chosen" {
  variables {
    name                = "guard-test"
    min_instances       = 1
    max_instances       = 3
    concurrency         = 40
    cpu                 = "2"
    memory              = "1Gi"
    ingress             = "INGRESS_TRAFFIC_ALL"
    deletion_protection = false
    labels              = { team = "platform" }
    environment         = { LOG_LEVEL = "DEBUG", OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318" }
  }
  assert {
    condition     = local.environment["GOMEMLIMIT"] == "921MiB" && local.environment["LOG_LEVEL"] == "DEBUG" && local.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    error_message = "environment: ${jsonencode(local.environment)}"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.name == "guard-test" && google_pubsub_topic.topic["dead-letters"].name == "guard-test-dead-letters" && google_service_account.pusher["work"].account_id == "guard-test-work" && google_project_iam_custom_role.role["iapguardReader"].role_id == "guard_testReader"
    error_message = "something is not named after name"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.labels == tomap({ app = "guard-test", team = "platform" }) && google_cloud_run_v2_service.function.ingress == "INGRESS_TRAFFIC_ALL" && !google_cloud_run_v2_service.function.deletion_protection && !google_secret_manager_secret.file["policy"].deletion_protection
    error_message = "labels, ingress or deletion protection was not taken"
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].scaling[0].max_instance_count == 3 && google_cloud_run_v2_service.function.template[0].containers[0].resources[0].limits.memory == "1Gi"
    error_message = "sizes were not taken"
  }
}

run "the_preventive_twin_is_there_when_asked_for" {
  variables {
    organization_id  = "987654321"
    iap_api_projects = ["my-project"]
  }
  assert {
    condition     = google_project_service.iap["my-project"].service == "iap.googleapis.com" && !google_project_service.iap["my-project"].disable_on_destroy
    error_message = "IAP's API is not enabled, or would be disabled again"
  }
}

run "traces_to_google_need_two_roles_of_the_function" {
  command = plan
  variables {
    environment = { OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com" }
  }
  assert {
    condition     = keys(google_project_iam_member.telemetry) == ["roles/telemetry.metricsWriter", "roles/telemetry.tracesWriter"]
    error_message = "the function may not export its traces and metrics: ${jsonencode(keys(google_project_iam_member.telemetry))}"
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.telemetry : grant.member == "serviceAccount:iapguard@my-project.iam.gserviceaccount.com" && grant.project == "my-project"])
    error_message = "somebody else may export them, or elsewhere"
  }
  assert {
    condition     = contains(keys(google_project_service.api), "telemetry.googleapis.com")
    error_message = "the API that takes them is not enabled"
  }
}

run "traces_to_a_collector_need_none" {
  command = plan
  variables {
    environment = { OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318" }
  }
  assert {
    condition     = length(google_project_iam_member.telemetry) == 0 && !contains(keys(google_project_service.api), "telemetry.googleapis.com")
    error_message = "roles are granted that nothing needs"
  }
}
