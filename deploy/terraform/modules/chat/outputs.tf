output "subscription" {
  description = "The subscription that posts the messages."
  value       = google_pubsub_subscription.chat.id
}
