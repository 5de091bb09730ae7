output "dataset" {
  description = "The dataset with the reports and the views."
  value       = google_bigquery_dataset.reports.dataset_id
}

output "evidence" {
  description = "The bucket with every report, which nobody deletes before evidence_days."
  value       = "gs://${google_storage_bucket.evidence.name}"
}

output "parts" {
  description = "The parts that must be there: the asset type of each, and the last two words of its name."
  value       = [for which in concat(["reports-bigquery", "reports-evidence"], var.signatures_topic == null ? [] : ["reports-signatures"]) : { type = "pubsub.googleapis.com/Subscription", name = "subscriptions/${var.name}-${which}" }]
}
