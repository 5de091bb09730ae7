package main

import _ "cloud.google.com/go/run/apiv2/runpb" // google.cloud.run.v2, for its fields' presence

// document is one discovery document and what of it the local cloud serves.
type document struct {
	// Name is the API and its version, as google.golang.org/api files it.
	Name string
	// Methods are prefixes of the ids of the methods that are served.
	Methods []string
	// Package is the protobuf package of the API, for type names in errors.
	Package string
	// Legacy says that the API is not protobuf at heart (Compute Engine,
	// Cloud Storage, BigQuery): it answers zero values, distinguishes null from
	// absent, and words its errors in its own way.
	Legacy bool
	// Proto3 says that a zero is the same as none, but for the fields that show whether
	// they are present (protobuf.dev/programming-guides/field_presence). Those are known
	// from the Go types of Package, and from Present ("Message.field").
	Proto3  bool
	Present []string
	// Roots are the names under which errors speak of a message that is a
	// request's whole body, where that is not the message's own name.
	Roots map[string]string
}

// served is what the local cloud serves or is about to serve. Everything that
// requests and answers of these methods can hold is kept; the rest of each
// document is left out.
var served = []document{
	{
		Name: "bigquery/v2", Legacy: true,
		Methods: []string{"bigquery.datasets.", "bigquery.tables.", "bigquery.tabledata."},
	},
	{
		Name: "bigquerydatatransfer/v1", Package: "google.cloud.bigquery.datatransfer.v1",
		Methods: []string{
			"bigquerydatatransfer.projects.locations.transferConfigs.create",
			"bigquerydatatransfer.projects.locations.transferConfigs.delete",
			"bigquerydatatransfer.projects.locations.transferConfigs.get",
			"bigquerydatatransfer.projects.locations.transferConfigs.list",
			"bigquerydatatransfer.projects.locations.transferConfigs.patch",
		},
	},
	{
		Name: "certificatemanager/v1", Package: "google.cloud.certificatemanager.v1",
		Methods: []string{
			"certificatemanager.projects.locations.certificateMaps.", "certificatemanager.projects.locations.certificates.",
			"certificatemanager.projects.locations.dnsAuthorizations.", "certificatemanager.projects.locations.operations.",
			"certificatemanager.projects.locations.get", "certificatemanager.projects.locations.list",
		},
	},
	{
		Name: "cloudasset/v1", Package: "google.cloud.asset.v1",
		Methods: []string{
			"cloudasset.assets.list", "cloudasset.searchAllResources", "cloudasset.searchAllIamPolicies",
			"cloudasset.batchGetAssetsHistory", "cloudasset.effectiveIamPolicies.",
		},
	},
	{
		Name: "cloudbilling/v1", Package: "google.cloud.billing.v1",
		Methods: []string{"cloudbilling.projects.", "cloudbilling.billingAccounts.get", "cloudbilling.billingAccounts.list"},
	},
	{
		Name: "cloudkms/v1", Package: "google.cloud.kms.v1",
		Methods: []string{"cloudkms.projects.locations.keyRings."},
	},
	{Name: "cloudresourcemanager/v1", Package: "google.cloud.resourcemanager.v1", Methods: []string{"cloudresourcemanager."}},
	{Name: "cloudresourcemanager/v2", Package: "google.cloud.resourcemanager.v2", Methods: []string{"cloudresourcemanager."}},
	{
		Name: "cloudresourcemanager/v3", Package: "google.cloud.resourcemanager.v3",
		Methods: []string{
			"cloudresourcemanager.projects.", "cloudresourcemanager.folders.", "cloudresourcemanager.organizations.",
			"cloudresourcemanager.operations.", "cloudresourcemanager.tagBindings.", "cloudresourcemanager.effectiveTags.",
			"cloudresourcemanager.tagKeys.", "cloudresourcemanager.tagValues.",
		},
	},
	{
		Name: "cloudscheduler/v1", Package: "google.cloud.scheduler.v1",
		Methods: []string{"cloudscheduler.projects.locations."},
	},
	{
		Name: "compute/v1", Legacy: true,
		Methods: []string{
			"compute.addresses.", "compute.backendBuckets.", "compute.backendServices.", "compute.forwardingRules.",
			"compute.globalAddresses.", "compute.globalForwardingRules.", "compute.globalNetworkEndpointGroups.",
			"compute.globalOperations.", "compute.healthChecks.", "compute.networkEndpointGroups.", "compute.networks.",
			"compute.projects.get", "compute.regionBackendServices.", "compute.regionHealthChecks.",
			"compute.regionNetworkEndpointGroups.", "compute.regionOperations.", "compute.regions.",
			"compute.regionSecurityPolicies.", "compute.regionSslCertificates.", "compute.regionSslPolicies.",
			"compute.regionTargetHttpProxies.", "compute.regionTargetHttpsProxies.", "compute.regionTargetTcpProxies.",
			"compute.regionUrlMaps.",
			"compute.securityPolicies.", "compute.sslCertificates.", "compute.sslPolicies.", "compute.subnetworks.",
			"compute.targetGrpcProxies.", "compute.targetHttpProxies.", "compute.targetHttpsProxies.", "compute.targetSslProxies.",
			"compute.targetTcpProxies.", "compute.urlMaps.", "compute.zoneOperations.", "compute.zones.",
		},
	},
	{
		Name: "eventarc/v1", Package: "google.cloud.eventarc.v1",
		Methods: []string{
			"eventarc.projects.locations.get", "eventarc.projects.locations.list", "eventarc.projects.locations.operations.",
			"eventarc.projects.locations.providers.", "eventarc.projects.locations.triggers.",
		},
	},
	{
		Name: "iam/v1", Package: "google.iam.admin.v1",
		Methods: []string{
			"iam.organizations.roles.", "iam.permissions.", "iam.projects.roles.", "iam.projects.serviceAccounts.", "iam.roles.",
			"iam.projects.locations.workloadIdentityPools.get", "iam.projects.locations.workloadIdentityPools.list",
			"iam.projects.locations.workloadIdentityPools.providers.get",
			"iam.projects.locations.workloadIdentityPools.providers.list",
		},
	},
	{Name: "iamcredentials/v1", Package: "google.iam.credentials.v1", Methods: []string{"iamcredentials.projects.serviceAccounts."}},
	{Name: "iap/v1", Package: "google.cloud.iap.v1", Methods: []string{"iap."}},
	{
		Name: "logging/v2", Package: "google.logging.v2",
		Methods: []string{
			"logging.billingAccounts.sinks.", "logging.entries.", "logging.exclusions.", "logging.folders.sinks.", "logging.logs.",
			"logging.monitoredResourceDescriptors.", "logging.organizations.sinks.", "logging.projects.exclusions.",
			"logging.projects.locations.buckets.", "logging.projects.logs.", "logging.projects.metrics.",
			"logging.projects.sinks.", "logging.sinks.",
		},
		Roots: map[string]string{"LogSink": "sink", "LogMetric": "metric", "LogExclusion": "exclusion", "LogBucket": "bucket"},
	},
	{
		Name: "monitoring/v1", Package: "google.monitoring.dashboard.v1",
		Methods: []string{"monitoring.projects.dashboards."},
	},
	{
		Name: "monitoring/v3", Package: "google.monitoring.v3",
		Methods: []string{
			"monitoring.projects.timeSeries.", "monitoring.projects.metricDescriptors.",
			"monitoring.projects.monitoredResourceDescriptors.", "monitoring.projects.alertPolicies.",
			"monitoring.projects.notificationChannels.", "monitoring.services.",
		},
	},
	{
		Name: "networksecurity/v1", Package: "google.cloud.networksecurity.v1",
		Methods: []string{"networksecurity.projects.locations.authzPolicies.", "networksecurity.projects.locations.operations."},
	},
	{
		Name: "orgpolicy/v2", Package: "google.cloud.orgpolicy.v2",
		Methods: []string{"orgpolicy."},
		Roots: map[string]string{
			"GoogleCloudOrgpolicyV2Policy": "policy", "GoogleCloudOrgpolicyV2CustomConstraint": "custom_constraint",
		},
	},
	{
		Name: "pubsub/v1", Package: "google.pubsub.v1",
		Methods: []string{"pubsub.projects."},
		// A topic, a subscription or a snapshot is the whole request: PUT has
		// body "*" there.
		Roots: map[string]string{"Topic": "", "Subscription": ""},
	},
	{
		Name: "run/v1", Package: "google.cloud.run.v1",
		// No types of v1 are public: these are those of v2 (unverified).
		Proto3: true, Present: []string{"EnvVar.value", "TaskSpec.maxRetries"},
		Methods: []string{
			"run.namespaces.", "run.projects.authorizeddomains.", "run.projects.locations.",
		},
	},
	{
		Name: "run/v2", Package: "google.cloud.run.v2", Proto3: true,
		Methods: []string{
			"run.projects.locations.jobs.", "run.projects.locations.operations.", "run.projects.locations.services.",
			"run.projects.locations.workerPools.", "run.projects.locations.instances.",
		},
	},
	{
		Name: "secretmanager/v1", Package: "google.cloud.secretmanager.v1",
		Methods: []string{"secretmanager.projects."},
	},
	{Name: "serviceusage/v1", Package: "google.api.serviceusage.v1", Methods: []string{"serviceusage."}},
	{
		Name: "serviceusage/v1beta1", Package: "google.api.serviceusage.v1beta1",
		Methods: []string{
			"serviceusage.services.generateServiceIdentity", "serviceusage.services.get", "serviceusage.services.list",
			"serviceusage.services.enable", "serviceusage.services.disable", "serviceusage.services.batchEnable",
			"serviceusage.operations.",
		},
	},
	{
		Name: "storage/v1", Legacy: true,
		Methods: []string{"storage.buckets.", "storage.objects.", "storage.bucketAccessControls.", "storage.projects.serviceAccount."},
	},
}
