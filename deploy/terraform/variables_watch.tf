# The watch over the guard itself: modules/watch.

variable "watch" {
  description = "The watch over the guard, off by default: every hour, a query compares the reports with Cloud Asset Inventory's list of services. It raises an alert where a service has had no report for 25 hours, or where a part of the guard is gone. channels are notification channels, and at least one of them is not in notification_channels; ignored are ids of projects in the scope that nobody sweeps."
  type = object({
    channels = set(string)
    ignored  = optional(set(string), [])
  })
  default = null
}
