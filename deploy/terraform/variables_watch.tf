# The watch over the guard itself: modules/watch.

variable "watch" {
  description = "The watch over the guard: an hourly query that compares its reports with Cloud Asset Inventory's list of services, and fails, which raises an alert, where a service has no report for 25 hours or a part of the guard is gone. Off without it. channels are notification channels, at least one of which is not in notification_channels; ignored are ids of projects in the scope that nobody sweeps."
  type = object({
    channels = set(string)
    ignored  = optional(set(string), [])
  })
  default = null
}
