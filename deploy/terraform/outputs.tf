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

output "evidence" {
  description = "The bucket with every report, which nobody deletes before evidence_days."
  value       = "gs://${google_storage_bucket.evidence.name}"
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

output "eventarc_delivery" {
  description = "With eventarc_delivery = \"by-hand\": what is to be run once for each trigger."
  value       = var.eventarc_delivery == "by-hand" ? values(local.eventarc_delivery) : []
}

output "stop" {
  description = "The second switch, which needs no part of iapguard: stops every write and every delivery (playbooks/stop.md). Nobody applies the module until it is to go on."
  value = concat(
    [for id in ["iapguardWriter", "iapguardRuntime", "iapguardAPIs"] : "gcloud iam roles update ${local.role_ids[id]} ${local.in_project ? "--project=${local.scope_id}" : "--organization=${local.organization_id}"} --stage=DISABLED" if contains(local.wanted_roles, id)],
    [for topic, subscription in google_pubsub_subscription.push : "gcloud pubsub subscriptions modify-push-config ${subscription.name} --project=${var.project_id} --push-endpoint="],
  )
}
