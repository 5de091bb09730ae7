output "subscription" {
  description = "The subscription that posts the messages."
  value       = module.chat.subscription
}
