package deploy

import (
	"maps"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// creates names for each resource type of the module the methods of Google's APIs that
// the provider calls to create it; a grant is read and written. A type that is Terraform's
// own has none. Source: the provider's resources, v7.45.
var creates = map[string][]string{
	"google_bigquery_dataset":                 {"bigquery.datasets.insert"},
	"google_bigquery_dataset_iam_member":      {"bigquery.datasets.get", "bigquery.datasets.patch"},
	"google_bigquery_table":                   {"bigquery.tables.insert"},
	"google_bigquery_table_iam_member":        {"bigquery.tables.getIamPolicy", "bigquery.tables.setIamPolicy"},
	"google_cloud_run_v2_service":             {"run.projects.locations.services.create"},
	"google_cloud_run_v2_job":                 {"run.projects.locations.jobs.create"},
	"google_cloud_run_v2_job_iam_member":      {"run.projects.locations.jobs.setIamPolicy"},
	"google_cloud_run_v2_service_iam_policy":  {"run.projects.locations.services.setIamPolicy"},
	"google_cloud_scheduler_job":              {"cloudscheduler.projects.locations.jobs.create"},
	"google_eventarc_trigger":                 {"eventarc.projects.locations.triggers.create"},
	"google_folder_iam_member":                {"cloudresourcemanager.folders.getIamPolicy", "cloudresourcemanager.folders.setIamPolicy"},
	"google_logging_folder_sink":              {"logging.folders.sinks.create"},
	"google_logging_metric":                   {"logging.projects.metrics.create", "logging.projects.metrics.update"},
	"google_kms_crypto_key":                   {"cloudkms.projects.locations.keyRings.cryptoKeys.create"},
	"google_kms_crypto_key_iam_policy":        {"cloudkms.projects.locations.keyRings.cryptoKeys.setIamPolicy"},
	"google_kms_key_ring":                     {"cloudkms.projects.locations.keyRings.create"},
	"google_logging_organization_sink":        {"logging.organizations.sinks.create"},
	"google_logging_project_sink":             {"logging.projects.sinks.create"},
	"google_monitoring_alert_policy":          {"monitoring.projects.alertPolicies.create"},
	"google_monitoring_dashboard":             {"monitoring.projects.dashboards.create"},
	"google_monitoring_notification_channel":  {"monitoring.projects.notificationChannels.create"},
	"google_org_policy_policy":                {"orgpolicy.projects.policies.create"},
	"google_organization_iam_custom_role":     {"iam.organizations.roles.create"},
	"google_organization_iam_member":          {"cloudresourcemanager.organizations.setIamPolicy"},
	"google_project_iam_custom_role":          {"iam.projects.roles.create"},
	"google_project_iam_member":               {"cloudresourcemanager.projects.setIamPolicy"},
	"google_project_service":                  {"serviceusage.services.batchEnable", "serviceusage.services.list"},
	"google_pubsub_subscription":              {"pubsub.projects.subscriptions.create"},
	"google_pubsub_subscription_iam_policy":   {"pubsub.projects.subscriptions.setIamPolicy"},
	"google_pubsub_topic":                     {"pubsub.projects.topics.create"},
	"google_pubsub_topic_iam_policy":          {"pubsub.projects.topics.setIamPolicy"},
	"google_secret_manager_secret":            {"secretmanager.projects.secrets.create"},
	"google_secret_manager_secret_iam_member": {"secretmanager.projects.secrets.setIamPolicy"},
	"google_secret_manager_secret_version":    {"secretmanager.projects.secrets.addVersion"},
	"google_secret_manager_secret_iam_policy": {"secretmanager.projects.secrets.setIamPolicy"},
	"google_service_account_iam_policy":       {"iam.projects.serviceAccounts.setIamPolicy"},
	"google_service_account":                  {"iam.projects.serviceAccounts.create"},
	"google_service_account_iam_member":       {"iam.projects.serviceAccounts.setIamPolicy"},
	"google_storage_bucket":                   {"storage.buckets.insert", "storage.buckets.patch", "storage.buckets.lockRetentionPolicy"},
	"google_storage_bucket_iam_policy":        {"storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"},
	"terraform_data":                          nil,
	// The local cloud has no BigQuery Data Transfer Service: variable watch is off where the
	// module is applied to it.
	"google_bigquery_data_transfer_config": nil,
	"time_sleep":                           nil,
}

// unserved are the types that cannot be applied to the local cloud, with the reason.
var unserved = map[string]string{
	"google_monitoring_custom_service":    "the local cloud serves no objectives: protect_minutes is null where it is applied",
	"google_monitoring_slo":               "likewise",
	"google_org_policy_custom_constraint": "the local cloud enforces Google's own constraints alone",
}

func TestEveryResourceTypeOfTheModuleIsServed(t *testing.T) {
	cloud := localcloud.New(localcloud.Options{Discovery: &discovery.Check{}})
	defer cloud.Close()
	served := map[string]bool{}
	for _, route := range cloud.Routes() {
		served[route.ID] = true
	}
	used := map[string]bool{}
	folders, err := blueprint.Folders("../../deploy/terraform")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range append(folders, glob(t, "../../deploy/terraform/examples/*")...) {
		files, err := blueprint.Files(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range files {
			for _, block := range body.Blocks {
				if block.Type == "resource" {
					used[block.Labels[0]] = true
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(used)) {
		methods, known := creates[kind]
		if !known && unserved[kind] == "" {
			t.Errorf("%s: no method that creates it is named", kind)
		}
		for _, method := range methods {
			if !served[method] {
				t.Errorf("%s: the local cloud does not serve %s", kind, method)
			}
		}
	}
	for kind := range creates {
		if !used[kind] {
			t.Errorf("%s: the module does not use it", kind)
		}
	}
	if len(used) < 30 {
		t.Errorf("%d resource types, which are too few to be the module's", len(used))
	}
}
