# Until version 0.2 everything was in one module, and now it is in six. Terraform moves what is
# there and makes nothing anew.

moved {
  from = google_cloud_run_v2_service.function
  to   = module.core.google_cloud_run_v2_service.function
}

moved {
  from = google_cloud_run_v2_service_iam_policy.function
  to   = module.core.google_cloud_run_v2_service_iam_policy.function
}

moved {
  from = google_cloud_scheduler_job.due
  to   = module.core.google_cloud_scheduler_job.due
}

moved {
  from = google_cloud_scheduler_job.sweep
  to   = module.core.google_cloud_scheduler_job.sweep
}

moved {
  from = google_folder_iam_member.enabler
  to   = module.core.google_folder_iam_member.enabler
}

moved {
  from = google_folder_iam_member.function
  to   = module.core.google_folder_iam_member.function
}

moved {
  from = google_folder_iam_member.writer
  to   = module.core.google_folder_iam_member.writer
}

moved {
  from = google_organization_iam_custom_role.role
  to   = module.core.google_organization_iam_custom_role.role
}

moved {
  from = google_organization_iam_member.function
  to   = module.core.google_organization_iam_member.function
}

moved {
  from = google_project_iam_custom_role.memory
  to   = module.core.google_project_iam_custom_role.memory
}

moved {
  from = google_project_iam_custom_role.role
  to   = module.core.google_project_iam_custom_role.role
}

moved {
  from = google_project_iam_member.function
  to   = module.core.google_project_iam_member.function
}

moved {
  from = google_project_iam_member.runtime
  to   = module.core.google_project_iam_member.runtime
}

moved {
  from = google_project_iam_member.telemetry
  to   = module.core.google_project_iam_member.telemetry
}

moved {
  from = google_project_service.api
  to   = module.core.google_project_service.api
}

moved {
  from = google_project_service.iap
  to   = module.core.google_project_service.iap
}

moved {
  from = google_pubsub_subscription.dead_letters
  to   = module.core.google_pubsub_subscription.dead_letters
}

moved {
  from = google_pubsub_subscription.push
  to   = module.core.google_pubsub_subscription.push
}

moved {
  from = google_pubsub_subscription_iam_policy.dead_letters
  to   = module.core.google_pubsub_subscription_iam_policy.dead_letters
}

moved {
  from = google_pubsub_subscription_iam_policy.push
  to   = module.core.google_pubsub_subscription_iam_policy.push
}

moved {
  from = google_pubsub_topic.topic
  to   = module.core.google_pubsub_topic.topic
}

moved {
  from = google_pubsub_topic_iam_policy.topic
  to   = module.core.google_pubsub_topic_iam_policy.topic
}

moved {
  from = google_secret_manager_secret.file
  to   = module.core.google_secret_manager_secret.file
}

moved {
  from = google_secret_manager_secret_iam_member.oauth_client
  to   = module.core.google_secret_manager_secret_iam_member.oauth_client
}

moved {
  from = google_secret_manager_secret_iam_policy.file
  to   = module.core.google_secret_manager_secret_iam_policy.file
}

moved {
  from = google_secret_manager_secret_iam_policy.memory_key
  to   = module.core.google_secret_manager_secret_iam_policy.memory_key
}

moved {
  from = google_secret_manager_secret_version.holds
  to   = module.core.google_secret_manager_secret_version.holds
}

moved {
  from = google_secret_manager_secret_version.policy
  to   = module.core.google_secret_manager_secret_version.policy
}

moved {
  from = google_service_account.function
  to   = module.core.google_service_account.function
}

moved {
  from = google_service_account.operator
  to   = module.core.google_service_account.operator
}

moved {
  from = google_service_account.pusher
  to   = module.core.google_service_account.pusher
}

moved {
  from = google_service_account.trigger
  to   = module.core.google_service_account.trigger
}

moved {
  from = google_service_account.writer
  to   = module.core.google_service_account.writer
}

moved {
  from = google_service_account_iam_member.runtime
  to   = module.core.google_service_account_iam_member.runtime
}

moved {
  from = google_service_account_iam_policy.function
  to   = module.core.google_service_account_iam_policy.function
}

moved {
  from = google_service_account_iam_policy.operators
  to   = module.core.google_service_account_iam_policy.operators
}

moved {
  from = google_service_account_iam_policy.pushers
  to   = module.core.google_service_account_iam_policy.pushers
}

moved {
  from = google_service_account_iam_policy.writers
  to   = module.core.google_service_account_iam_policy.writers
}

moved {
  from = google_storage_bucket.memory
  to   = module.core.google_storage_bucket.memory
}

moved {
  from = google_storage_bucket_iam_policy.memory
  to   = module.core.google_storage_bucket_iam_policy.memory
}

moved {
  from = terraform_data.policy_check
  to   = module.core.terraform_data.policy_check
}

moved {
  from = google_eventarc_trigger.audit
  to   = module.intake.google_eventarc_trigger.audit
}

moved {
  from = google_logging_folder_sink.sink
  to   = module.intake.google_logging_folder_sink.sink
}

moved {
  from = google_logging_metric.refused_requests
  to   = module.intake.google_logging_metric.refused_requests
}

moved {
  from = google_logging_organization_sink.sink
  to   = module.intake.google_logging_organization_sink.sink
}

moved {
  from = google_logging_project_sink.sink
  to   = module.intake.google_logging_project_sink.sink
}

moved {
  from = google_monitoring_alert_policy.refused_requests
  to   = module.intake.google_monitoring_alert_policy.refused_requests
}

moved {
  from = google_monitoring_notification_channel.refused
  to   = module.intake.google_monitoring_notification_channel.refused
}

moved {
  from = google_project_iam_member.controls_arrive
  to   = module.intake.google_project_iam_member.controls_arrive
}

moved {
  from = google_project_iam_member.trigger_receives
  to   = module.intake.google_project_iam_member.trigger_receives
}

moved {
  from = google_pubsub_subscription_iam_policy.eventarc
  to   = module.intake.google_pubsub_subscription_iam_policy.eventarc
}

moved {
  from = terraform_data.eventarc_delivery
  to   = module.intake.terraform_data.eventarc_delivery
}

moved {
  from = google_logging_metric.count
  to   = module.monitoring.google_logging_metric.count
}

moved {
  from = google_logging_metric.spread
  to   = module.monitoring.google_logging_metric.spread
}

moved {
  from = google_monitoring_alert_policy.break_glass
  to   = module.monitoring.google_monitoring_alert_policy.break_glass
}

moved {
  from = google_monitoring_alert_policy.configuration_changed
  to   = module.monitoring.google_monitoring_alert_policy.configuration_changed
}

moved {
  from = google_monitoring_alert_policy.controls_changed
  to   = module.monitoring.google_monitoring_alert_policy.controls_changed
}

moved {
  from = google_monitoring_alert_policy.counted
  to   = module.monitoring.google_monitoring_alert_policy.counted
}

moved {
  from = google_monitoring_alert_policy.dead_letters
  to   = module.monitoring.google_monitoring_alert_policy.dead_letters
}

moved {
  from = google_monitoring_alert_policy.guard_changed
  to   = module.monitoring.google_monitoring_alert_policy.guard_changed
}

moved {
  from = google_monitoring_alert_policy.harm
  to   = module.monitoring.google_monitoring_alert_policy.harm
}

moved {
  from = google_monitoring_alert_policy.holds_unreadable
  to   = module.monitoring.google_monitoring_alert_policy.holds_unreadable
}

moved {
  from = google_monitoring_alert_policy.lag
  to   = module.monitoring.google_monitoring_alert_policy.lag
}

moved {
  from = google_monitoring_alert_policy.no_heartbeat
  to   = module.monitoring.google_monitoring_alert_policy.no_heartbeat
}

moved {
  from = google_monitoring_alert_policy.policy
  to   = module.monitoring.google_monitoring_alert_policy.policy
}

moved {
  from = google_monitoring_dashboard.iapguard
  to   = module.monitoring.google_monitoring_dashboard.iapguard
}

moved {
  from = google_bigquery_dataset.reports
  to   = module.reports.google_bigquery_dataset.reports
}

moved {
  from = google_bigquery_dataset_iam_member.readers
  to   = module.reports.google_bigquery_dataset_iam_member.readers
}

moved {
  from = google_bigquery_table.reports
  to   = module.reports.google_bigquery_table.reports
}

moved {
  from = google_bigquery_table.view
  to   = module.reports.google_bigquery_table.view
}

moved {
  from = google_bigquery_table_iam_member.pubsub_writes
  to   = module.reports.google_bigquery_table_iam_member.pubsub_writes
}

moved {
  from = google_project_service.bigquery
  to   = module.reports.google_project_service.bigquery
}

moved {
  from = google_pubsub_subscription.evidence
  to   = module.reports.google_pubsub_subscription.evidence
}

moved {
  from = google_pubsub_subscription.reports
  to   = module.reports.google_pubsub_subscription.reports
}

moved {
  from = google_pubsub_subscription_iam_policy.evidence
  to   = module.reports.google_pubsub_subscription_iam_policy.evidence
}

moved {
  from = google_pubsub_subscription_iam_policy.reports
  to   = module.reports.google_pubsub_subscription_iam_policy.reports
}

moved {
  from = google_storage_bucket.evidence
  to   = module.reports.google_storage_bucket.evidence
}

moved {
  from = google_storage_bucket_iam_policy.evidence
  to   = module.reports.google_storage_bucket_iam_policy.evidence
}

moved {
  from = google_org_policy_custom_constraint.iap
  to   = module.preventive.google_org_policy_custom_constraint.iap
}

moved {
  from = google_org_policy_policy.preventive
  to   = module.preventive.google_org_policy_policy.preventive
}

moved {
  from = google_project_service.watch
  to   = module.watch.google_project_service.watch
}

moved {
  from = google_service_account.watch
  to   = module.watch.google_service_account.watch
}

moved {
  from = google_service_account_iam_policy.watch
  to   = module.watch.google_service_account_iam_policy.watch
}

moved {
  from = google_project_iam_member.watch
  to   = module.watch.google_project_iam_member.watch
}

moved {
  from = google_folder_iam_member.watch
  to   = module.watch.google_folder_iam_member.watch
}

moved {
  from = google_organization_iam_member.watch
  to   = module.watch.google_organization_iam_member.watch
}

moved {
  from = google_bigquery_dataset.watch
  to   = module.watch.google_bigquery_dataset.watch
}

moved {
  from = google_bigquery_dataset_iam_member.watch
  to   = module.watch.google_bigquery_dataset_iam_member.watch
}

moved {
  from = google_cloud_scheduler_job.export
  to   = module.watch.google_cloud_scheduler_job.export
}

moved {
  from = google_bigquery_data_transfer_config.watch
  to   = module.watch.google_bigquery_data_transfer_config.watch
}

moved {
  from = google_monitoring_alert_policy.blind
  to   = module.watch.google_monitoring_alert_policy.blind
}
