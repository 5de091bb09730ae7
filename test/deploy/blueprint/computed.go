package blueprint

import "regexp"

// place matches the place of an argument in a pattern.
var place = regexp.MustCompile(`\{[a-z_]+\}`)

// computed has the attributes that follow from a resource's arguments, by type.
// Source: "Attributes Reference" of each in the provider's documentation.
var computed = map[string]map[string]string{
	"google_service_account": {
		"email":  "{account_id}@{project}.iam.gserviceaccount.com",
		"name":   "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
		"id":     "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
		"member": "serviceAccount:{account_id}@{project}.iam.gserviceaccount.com",
	},
	"google_kms_key_ring":         {"id": "projects/{project}/locations/{location}/keyRings/{name}"},
	"google_kms_crypto_key":       {"id": "{key_ring}/cryptoKeys/{name}"},
	"google_pubsub_topic":         {"id": "projects/{project}/topics/{name}"},
	"google_pubsub_subscription":  {"id": "projects/{project}/subscriptions/{name}"},
	"google_cloud_run_v2_service": {"id": "projects/{project}/locations/{location}/services/{name}"},
	"google_secret_manager_secret": {"id": "projects/{project}/secrets/{secret_id}",
		"name": "projects/{project}/secrets/{secret_id}"},
	"google_secret_manager_secret_version": {"id": "{secret}/versions/1", "name": "{secret}/versions/1"},
	"google_project_iam_custom_role": {"id": "projects/{project}/roles/{role_id}",
		"name": "projects/{project}/roles/{role_id}"},
	"google_organization_iam_custom_role": {"id": "organizations/{org_id}/roles/{role_id}",
		"name": "organizations/{org_id}/roles/{role_id}"},
	"google_logging_project_sink": {
		"writer_identity": "serviceAccount:service-NUMBER@gcp-sa-logging.iam.gserviceaccount.com"},
	"google_logging_folder_sink": {
		"writer_identity": "serviceAccount:service-folder-NUMBER@gcp-sa-logging.iam.gserviceaccount.com"},
	"google_logging_organization_sink": {
		"writer_identity": "serviceAccount:service-org-NUMBER@gcp-sa-logging.iam.gserviceaccount.com"},
	"google_monitoring_notification_channel": {"id": "projects/{project}/notificationChannels/1",
		"name": "projects/{project}/notificationChannels/1"},
	"google_monitoring_alert_policy":       {"name": "projects/{project}/alertPolicies/{display_name}"},
	"google_monitoring_slo":                {"name": "projects/{project}/services/{service}/serviceLevelObjectives/{slo_id}"},
	"google_bigquery_data_transfer_config": {"name": "projects/1/locations/{location}/transferConfigs/2"},
	"google_eventarc_trigger": {
		"id":        "projects/{project}/locations/{location}/triggers/{name}",
		"transport": `[{"pubsub": [{"topic": "projects/{project}/topics/eventarc-{location}-{name}-000", "subscription": "projects/{project}/subscriptions/eventarc-{location}-{name}-sub-000"}]}]`,
	},
}
