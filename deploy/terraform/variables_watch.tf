# The watch over the guard itself.

variable "watch" {
  description = "The watch over the guard: an hourly query that compares its reports with Cloud Asset Inventory's list of services, and fails, which raises an alert, where a service has no report for 25 hours or a part of the guard is gone. Off without it. channels are notification channels, at least one of which is not in notification_channels; ignored are ids of projects in the scope that nobody sweeps."
  type = object({
    channels = set(string)
    ignored  = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.watch == null ? true : alltrue([for channel in var.watch.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "watch.channels has ${join(", ", var.watch == null ? [] : [for channel in var.watch.channels : channel if !can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])}: write names such as projects/my-project/notificationChannels/1234567890 (gcloud beta monitoring channels list)."
  }

  validation {
    condition     = var.watch == null ? true : length(setsubtract(var.watch.channels, var.notification_channels)) > 0
    error_message = "watch.channels has no channel beside those of notification_channels: name one that still works when those do not, of another kind, such as SMS or another team's e-mail address."
  }

  validation {
    condition     = var.watch == null ? true : alltrue([for project in var.watch.ignored : can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]+$", project))])
    error_message = "watch.ignored has ${join(", ", var.watch == null ? [] : [for project in var.watch.ignored : project if !can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]+$", project))])}: write project ids, without projects/."
  }
}
