output "account" {
  description = "The function's account."
  value       = module.iapguard.account
}

output "hold" {
  description = "Stops every write."
  value       = module.iapguard.hold
}

output "stop" {
  description = "The second switch, which needs no part of iapguard."
  value       = module.iapguard.stop
}

output "writers" {
  description = "The writing account of each folder."
  value       = module.iapguard.writers
}
