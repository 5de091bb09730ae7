locals {
  memory_mebibytes = tonumber(trimsuffix(trimsuffix(var.memory, "Mi"), "Gi")) * (endswith(var.memory, "Gi") ? 1024 : 1)

  # Accounts that may write, in the form that serve reads. Folders that are not
  # bound are left out, and so stay planned. In one project the function's own
  # account writes, unless it may only read.
  bound_writers = join(",", [
    for folder in sort(keys(var.writers)) : "${folder}=${google_service_account.writer[folder].email}" if var.writers[folder].bound
  ])
  writers = local.in_project ? (var.mode == "enforce" ? "" : "none") : coalesce(local.bound_writers, "none")

  # Who may come to which path, and who may send direct commands: the function compares
  # the account in the caller's token with these lists.
  callers = {
    EVENTS = concat(
      [for topic, path in local.pushed_to : google_service_account.pusher[topic].email if path == local.pushed_to["events"]],
      google_service_account.trigger[*].email,
    )
    WORK     = [google_service_account.pusher["work"].email]
    COMMANDS = [google_service_account.pusher["commands"].email]
  }
  operator_accounts = [for name in sort(keys(var.operators)) : google_service_account.operator[name].email]

  environment = merge(
    { for path, accounts in local.callers : "IAPGUARD_CALLERS_${path}" => join(",", accounts) },
    {
      IAPGUARD_AUDIENCE      = local.audience
      IAPGUARD_OPERATORS     = join(",", local.operator_accounts)
      IAPGUARD_POLICY        = "${local.files.policy.directory}/${local.files.policy.file}"
      IAPGUARD_HOLDS         = "${local.files.holds.directory}/${local.files.holds.file}"
      IAPGUARD_REPORTS_TOPIC = local.topics["reports"]
      IAPGUARD_WORK_TOPIC    = local.topics["work"]
      IAPGUARD_MEMORY        = "gs://${google_storage_bucket.memory.name}"
      IAPGUARD_SELF          = google_service_account.function.email
      IAPGUARD_HEARTBEAT     = local.sinks ? local.scope : local.topics["events"]
      # At this limit Go's runtime collects garbage instead of being killed. A tenth
      # is left for memory that it does not count: C stacks, kernel buffers.
      GOMEMLIMIT = "${floor(local.memory_mebibytes * 9 / 10)}MiB"
    },
    local.writers == "" ? {} : { IAPGUARD_WRITERS = local.writers },
    var.memory_key == null ? {} : { IAPGUARD_MEMORY_KEY = "${local.mounted["memory-key"].directory}/${local.mounted["memory-key"].file}" },
    { for key in google_kms_crypto_key.signing : "IAPGUARD_SIGNING_KEY" => "${key.id}/cryptoKeyVersions/${var.signing_key_version}" },
    { for topic in google_pubsub_topic.signatures : "IAPGUARD_SIGNATURES_TOPIC" => "projects/${topic.project}/topics/${topic.name}" },
    var.environment,
  )
}

# Never put this service behind IAP, and never into the scope of its own policy: IAP
# replaces the caller's identity, so Pub/Sub's pushes would be refused.
resource "google_cloud_run_v2_service" "function" {
  project     = var.project_id
  name        = var.name
  location    = var.region
  description = "Puts Identity-Aware Proxy before Cloud Run services."
  labels      = local.labels

  ingress              = var.ingress
  invoker_iam_disabled = false
  iap_enabled          = false
  # Pub/Sub, Eventarc and Cloud Scheduler call this address; a perimeter of VPC
  # Service Controls lets new push subscriptions call no other.
  default_uri_disabled = false
  deletion_protection  = var.deletion_protection

  template {
    service_account = google_service_account.function.email
    # Exactly as long as Pub/Sub waits for an answer.
    timeout                          = local.delivery.ackDeadline
    max_instance_request_concurrency = var.concurrency
    labels                           = local.labels

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = var.cpu
          memory = var.memory
        }
        # Nothing runs between requests, so that time costs nothing.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = local.mounted

        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.directory
        }
      }

      # Cloud Run asks inside the instance. From outside this path may be answered
      # by Google's frontend, which keeps paths that end in z for itself.
      startup_probe {
        initial_delay_seconds = 0
        period_seconds        = 2
        timeout_seconds       = 1
        failure_threshold     = 15
        http_get {
          path = "/healthz"
        }
      }

      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/healthz"
        }
      }
    }

    dynamic "volumes" {
      for_each = local.mounted

      content {
        name = volumes.key
        secret {
          secret = volumes.value.secret
          items {
            path    = volumes.value.file
            version = "latest"
          }
        }
      }
    }
  }

  # Builds bring new images (cloudbuild.yaml); an apply must not bring the first
  # one back. client and client_version say which tool did it.
  lifecycle {
    ignore_changes = [template[0].containers[0].image, client, client_version]
  }

  # A revision does not start without its files, or without the right to read them.
  depends_on = [
    google_project_service.api,
    google_secret_manager_secret_version.policy,
    google_secret_manager_secret_version.holds,
    google_secret_manager_secret_iam_policy.file,
    google_secret_manager_secret_iam_policy.memory_key,
    # Cloud Run does not require these. Grants are made before the function starts,
    # so that those on the secrets have time to take effect.
    google_pubsub_topic_iam_policy.topic,
    google_pubsub_topic_iam_policy.signatures,
    google_kms_crypto_key_iam_policy.signing,
    google_project_iam_member.function,
    google_folder_iam_member.function,
    google_organization_iam_member.function,
  ]
}

# The whole policy of the service, so that the next apply takes away an invoker or a deployer
# that was added by hand. An invoker can make the function look at services; only the
# accounts of IAPGUARD_OPERATORS can command it directly. The function reads its own
# service, to see that nobody else may invoke it.
resource "google_cloud_run_v2_service_iam_policy" "function" {
  project  = var.project_id
  location = google_cloud_run_v2_service.function.location
  name     = google_cloud_run_v2_service.function.name
  policy_data = jsonencode({ bindings = concat(
    [
      { role = "roles/run.invoker", members = [for account in concat(values(google_service_account.pusher), google_service_account.trigger, values(google_service_account.operator)) : "serviceAccount:${account.email}"] },
      { role = "roles/run.viewer", members = [local.function] },
    ],
    [for role in length(var.deployers) > 0 ? ["roles/run.developer"] : [] : { role = role, members = sort(var.deployers) }],
  ) })
}
