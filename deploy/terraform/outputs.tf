output "url" {
  description = "The function's address, for pushes. It does not serve a page."
  value       = module.core.url
}

output "service" {
  description = "The Cloud Run service's name."
  value       = module.core.service
}

output "account" {
  description = "The function's account."
  value       = module.core.account
}

output "writers" {
  description = "The writing account of each folder, bound or not."
  value       = module.core.writers
}

output "roles" {
  description = "The custom roles that were made, by their ids in deploy/roles/iapguard.yaml."
  value       = module.core.roles
}

output "topics" {
  description = "The topics, by their short names."
  value       = module.core.topics
}

output "subscriptions" {
  description = "The subscriptions that push to the function, and the one that keeps dead letters."
  value       = module.core.subscriptions
}

output "operators" {
  description = "The accounts that direct commands are signed as, by the keys of operators. The policy's approvers name them."
  value       = module.core.operators
}

output "evidence" {
  description = "The bucket with every report, which nobody deletes before evidence_days."
  value       = module.reports.evidence
}

output "memory" {
  description = "The bucket with the function's memory."
  value       = module.core.memory
}

output "holds" {
  description = "The secret with the holds, for iapguard's --holds."
  value       = module.core.holds
}

output "hold" {
  description = "Stops every write in a project for four hours; needs one of hold_members."
  value       = module.core.hold
}

output "replay" {
  description = "Puts dead letters back where they came from, once what was wrong is right."
  value       = module.core.replay
}

output "update_image" {
  description = "Brings a new image, as cloudbuild.yaml does."
  value       = module.core.update_image
}

output "eventarc_delivery" {
  description = "With eventarc_delivery = \"by-hand\": what is to be run once for each trigger."
  value       = module.intake.eventarc_delivery
}

output "stop" {
  description = "The second switch, which needs no part of iapguard: stops every write and every delivery (playbooks/stop.md). Nobody applies the module until it is to go on."
  value       = module.core.stop
}

output "signing_key" {
  description = "The version of the key that signs reports, for iapguard verify --key; null where none does."
  value       = module.core.signing_key
}
