# Metrics, alerts and dashboard (modules/monitoring), and where reports are kept (modules/reports).

variable "notification_channels" {
  description = "Where alerts go: names of Cloud Monitoring notification channels. Without any, incidents open and notify nobody."
  type        = set(string)
  default     = []
}

variable "alert_report_only" {
  description = "Whether services that a rule only reports on raise alerts too. By default they are on the dashboard alone, so that day one is quiet."
  type        = bool
  default     = false
}

variable "alert_exposed_minutes" {
  description = "For how many minutes a door may stand open before an alert says so. Closing one takes a few minutes, in which grants come to hold everywhere."
  type        = number
  default     = 60
}

variable "alert_waiting_minutes" {
  description = "For how many minutes a service may wait for a load balancer or an accessor before an alert says so."
  type        = number
  default     = 1440
}

variable "alert_lag_seconds" {
  description = "How old the oldest event, command or report may be before an alert says that deliveries lag behind. Work waits longer by design: up to 45 minutes."
  type        = number
  default     = 600
}

variable "alert_heartbeat_minutes" {
  description = "For how many minutes no heartbeat may arrive before an alert says that events do not arrive. One begins every minute."
  type        = number
  default     = 15
}

variable "reports_location" {
  description = "Where BigQuery keeps the reports: a region, EU or US. By default the function's region. It cannot be changed without losing the table."
  type        = string
  default     = null
}

variable "reports_days" {
  description = "For how many days BigQuery keeps the reports. They name people: who deployed, who undid a protection, from which address."
  type        = number
  default     = 400
}

variable "report_readers" {
  description = "Who may read the reports: in BigQuery with its three views, and in the bucket of evidence. To run queries they need roles/bigquery.jobUser in a project of their own choice too."
  type        = set(string)
  default     = []
}

variable "evidence_days" {
  description = "For how many days nobody can delete a report from the bucket of evidence. They name people, as those in BigQuery do. It can be raised later, and lowered until evidence_locked is true."
  type        = number
  default     = 400
}

variable "evidence_locked" {
  description = "Whether evidence_days is locked. That cannot be undone: the bucket, and with it the project, stays until its last report is old enough. Set it once the days are right; until then an owner of the project can still delete evidence, which raises an alert."
  type        = bool
  default     = false
}

variable "notification_routes" {
  description = "More channels for the alerts that name a service, by the project of the service or the rule of the policy: not by its label team, which its deployer writes."
  type = map(object({
    projects = optional(set(string), [])
    rules    = optional(set(string), [])
    channels = set(string)
  }))
  default = {}
}

variable "digest_channels" {
  description = "Where standing states go, which wake nobody: the daily digest, and the alerts waiting, blocked and held. By default notification_channels."
  type        = set(string)
  default     = []
}

variable "protect_minutes" {
  description = "The objective: within how many minutes a door that opened is closed. null = no objective."
  type        = number
  default     = 10
}

variable "protect_goal" {
  description = "The part of the doors, over 28 days, for which that has to hold."
  type        = number
  default     = 0.95
}

variable "exports" {
  description = "Documents for security tools, made of the reports every hour: scc_source is a source of Security Command Center, organizations/O/sources/S, whose findings are kept up to date; ocsf writes Compliance Findings of OCSF 1.2 into the log of the job NAME-export-ocsf, for a log sink to route. Neither by default."
  type = object({
    scc_source = optional(string)
    ocsf       = optional(bool, false)
  })
  default = {}
}
