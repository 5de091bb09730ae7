output "readers" {
  description = "Who has to read the bucket of evidence, where anything is exported."
  value       = [for account in google_service_account.export : "serviceAccount:${account.email}"]
}
