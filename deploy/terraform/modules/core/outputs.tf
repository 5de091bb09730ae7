output "url" {
  description = "The function's address, for pushes. It does not serve a page."
  value       = google_cloud_run_v2_service.function.uri
}

output "service" {
  description = "The Cloud Run service's name."
  value       = google_cloud_run_v2_service.function.id
}

output "account" {
  description = "The function's account."
  value       = google_service_account.function.email
}

output "writers" {
  description = "The writing account of each folder, bound or not."
  value       = { for folder, account in google_service_account.writer : folder => account.email }
}

output "roles" {
  description = "The custom roles that were made, by their ids in deploy/roles/iapguard.yaml."
  value       = local.roles
}

output "topics" {
  description = "The topics, by their short names."
  value       = local.topics
  depends_on  = [time_sleep.agents]
}

output "signatures_topic" {
  description = "The topic that takes the signatures of reports, projects/P/topics/T; null where none are made."
  value       = one([for topic in google_pubsub_topic.signatures : "projects/${topic.project}/topics/${topic.name}"])
  depends_on  = [time_sleep.agents]
}

output "signing_key" {
  description = "The version of the key that signs reports, for iapguard verify --key; null where none does."
  value       = one([for key in google_kms_crypto_key.signing : "${key.id}/cryptoKeyVersions/${var.signing_key_version}"])
}

output "subscriptions" {
  description = "The subscriptions that push to the function, and the one that keeps dead letters."
  value = merge(
    { for name, subscription in google_pubsub_subscription.push : name => subscription.id },
    { for name, subscription in google_pubsub_subscription.dead_letters : name => subscription.id },
  )
}

output "operators" {
  description = "The accounts that direct commands are signed as, by the keys of operators. The policy's approvers name them."
  value       = { for name, account in google_service_account.operator : name => account.email }
}

output "memory" {
  description = "The bucket with the function's memory."
  value       = "gs://${google_storage_bucket.memory.name}"
}

output "holds" {
  description = "The secret with the holds, for iapguard's --holds."
  value       = google_secret_manager_secret.file["holds"].id
}

output "hold" {
  description = "Stops every write in a project for four hours; needs one of hold_members."
  value       = "iapguard hold projects/PROJECT --for 4h --reason WHY --holds ${google_secret_manager_secret.file["holds"].id}"
}

output "replay" {
  description = "Puts dead letters back where they came from, once what was wrong is right."
  value       = "deploy/replay.sh ${google_pubsub_subscription.dead_letters["dead-letters"].id}"
}

output "update_image" {
  description = "Brings a new image, as cloudbuild.yaml does."
  value       = "gcloud run services update ${google_cloud_run_v2_service.function.name} --project=${var.project_id} --region=${var.region} --image=IMAGE"
}

output "stop" {
  description = "The second switch, which needs no part of iapguard: stops every write and every delivery (playbooks/stop.md). Nobody applies the module until it is to go on."
  value = concat(
    [for id in ["iapguardWriter", "iapguardRuntime", "iapguardAPIs"] : "gcloud iam roles update ${local.role_ids[id]} ${local.in_project ? "--project=${local.scope_id}" : "--organization=${local.organization_id}"} --stage=DISABLED" if contains(local.wanted_roles, id)],
    [for topic, subscription in google_pubsub_subscription.push : "gcloud pubsub subscriptions modify-push-config ${subscription.name} --project=${var.project_id} --push-endpoint="],
  )
}

# What other modules take. Each has what it rests on, so that they wait for it.

output "project_id" {
  description = "The guard's project, once its APIs are enabled."
  value       = var.project_id
  depends_on  = [google_project_service.api]
}

output "scope" {
  description = "What is watched, once the APIs are enabled."
  value       = local.scope
  depends_on  = [google_project_service.api]
}

output "service_name" {
  description = "The Cloud Run service's name, once it may be invoked."
  value       = google_cloud_run_v2_service.function.name
  depends_on  = [google_cloud_run_v2_service_iam_policy.function]
}

output "trigger_account" {
  description = "The account that Eventarc's triggers deliver as, where there are any."
  value       = one(google_service_account.trigger[*].email)
}

output "own_accounts" {
  description = "The accounts that the function writes with."
  value       = concat([google_service_account.function.email], [for folder in sort(keys(var.writers)) : google_service_account.writer[folder].email])
}

output "dead_letters" {
  description = "The names of the subscriptions that keep dead letters, by their short names."
  value       = { for name, subscription in google_pubsub_subscription.dead_letters : name => subscription.name }
}

output "pubsub_agent" {
  description = "Pub/Sub's own account, once Google has made it."
  value       = local.pubsub_agent
  depends_on  = [time_sleep.agents]
}

output "parts" {
  description = "The parts that must be there: the asset type of each, and the last two words of its name."
  value = concat(
    [for topic in local.intake.topics : { type = "pubsub.googleapis.com/Topic", name = "topics/${var.name}-${topic}" }],
    [for topic in google_pubsub_topic.signatures : { type = "pubsub.googleapis.com/Topic", name = "topics/${topic.name}" }],
    [for push in sort(keys(local.pushed_to)) : { type = "pubsub.googleapis.com/Subscription", name = "subscriptions/${var.name}-${push}" }],
    [for job in google_cloud_scheduler_job.sweep : { type = "cloudscheduler.googleapis.com/Job", name = "jobs/${job.name}" }],
    [for job in [google_cloud_scheduler_job.due, google_cloud_scheduler_job.digest] : { type = "cloudscheduler.googleapis.com/Job", name = "jobs/${job.name}" }],
  )
}
