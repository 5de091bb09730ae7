//go:build !deployed

package main

// gcloudAPIs are the APIs whose endpoint gcloud 528.0.0 can override
// (gcloud help config, section api_endpoint_overrides).
const gcloudAPIs = "" +
	"accessapproval accesscontextmanager ai aiplatform alloydb anthosevents anthospolicycontrollerstatus_pa " +
	"apigateway apigee apihub apikeys appconfigmanager appengine apphub artifactregistry assuredworkloads " +
	"auditmanager authztoolkit backupdr baremetalsolution batch beyondcorp bigquery bigquerymigration " +
	"bigtableadmin binaryauthorization categorymanager certificatemanager cloudaicompanion cloudasset " +
	"cloudbilling cloudbuild cloudcommerceconsumerprocurement clouddebugger clouddeploy clouderrorreporting " +
	"cloudfunctions cloudidentity cloudkms cloudlocationfinder cloudnumberregistry cloudquotas " +
	"cloudresourcemanager cloudresourcesearch cloudscheduler cloudshell cloudtasks cloudtrace composer compute " +
	"config configdelivery connectgateway container containeranalysis datacatalog dataflow datafusion " +
	"datamigration datapipelines dataplex datapol dataproc dataprocgdc datastore datastream deploymentmanager " +
	"designcenter developerconnect discovery dns domains edgecontainer edgenetwork eventarc eventarcpublishing " +
	"faultinjectiontesting file firebasedataconnect firestore geminicloudassist genomics gkebackup gkehub " +
	"gkemulticloud gkeonprem gkerecommender healthcare iam iamcredentials iap ids krmapihosting kubernetespolicy " +
	"language lifesciences logging looker lustre managedflink managedidentities managedkafka manager " +
	"marketplacesolutions mediaasset memcache memorystore messagestreams metastore ml modelarmor monitoring " +
	"netapp networkconnectivity networkmanagement networksecurity networkservices notebooks observability " +
	"ondemandscanning oracledatabase orglifecycle orgpolicy osconfig oslogin parallelstore parametermanager " +
	"policyanalyzer policysimulator policytroubleshooter privateca privilegedaccessmanager publicca pubsub " +
	"pubsublite recaptchaenterprise recommender redis remotebuildexecution replicapoolupdater run runapps " +
	"runtimeconfig saasservicemgmt sasportal sddc seclm secretmanager securesourcemanager securitycenter " +
	"securitycentermanagement securityposture servicedirectory servicemanagement serviceregistry serviceusage " +
	"source sourcerepo spanner speech sql storage storagebatchoperations storageinsights stream telcoautomation " +
	"testing toolresults tpu transcoder transfer transferappliance vision vmmigration vmwareengine vpcaccess " +
	"workflowexecutions workflows workloadcertificate workstations"

// gcloudPaths are the paths of endpoints from which gcloud builds links.
var gcloudPaths = map[string]string{"compute": "compute/v1/", "storage": "storage/v1/", "bigquery": "bigquery/v2/"}

// terraformAPIs are the APIs that the local cloud serves, under the names that the
// Google provider has for their endpoints (hashicorp/google 7.45), with what follows
// the host.
var terraformAPIs = []struct{ field, path string }{
	{"big_query", "bigquery/v2/"}, {"bigquery_data_transfer", "v1/"}, {"certificate_manager", "v1/"},
	{"cloud_asset", "v1/"}, {"cloud_billing", "v1/"},
	// Clients name the region of Cloud Run's v1 API in the host.
	{"cloud_run", "_regional/{{location}}/"},
	{"cloud_run_v2", "v2/"}, {"cloud_scheduler", "v1/"}, {"compute", "compute/v1/"}, {"eventarc", "v1/"},
	{"iam_beta", "v1/"}, {"iam_credentials", "v1/"}, {"iap", "v1/"}, {"kms", "v1/"}, {"logging", "v2/"}, {"monitoring", ""},
	{"network_security", "v1/"},
	{"org_policy", "v2/"}, {"pubsub", "v1/"}, {"resource_manager", "v1/"}, {"resource_manager_v3", "v3/"},
	{"secret_manager", "v1/"}, {"service_usage", "v1/"}, {"storage", "storage/v1/"}, {"tags", "v3/"},
}
