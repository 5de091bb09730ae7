package apiserver

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Role is a set of permissions.
type Role struct {
	// Name is the role's full name: "roles/run.admin",
	// "projects/demo-project/roles/iapguard".
	Name string
	// Title and Description are for people; empty for one that was made through the API,
	// which keeps them.
	Title, Description string
	// Stage is the launch stage; a disabled role allows nothing.
	Stage string
	// Permissions are what the role allows: "run.services.get".
	Permissions []string
}

const rolePages = "cloud.google.com/iam/docs/roles-permissions/"

// predefinedRole is what one of Google's roles allows, as far as routes here
// ask for it, and the page that lists it. In a permission * stands for any one
// segment; ! in front takes it out again.
type predefinedRole struct{ permissions, source string }

// predefined are Google's roles as their pages listed them in August 2026.
var predefined = map[string]predefinedRole{
	// "Owner" allows everything but to pass IAP (iap/docs/managing-access) and to
	// be a service account.
	"roles/owner": {"*.*.* !iap.webServiceVersions.accessViaIAP !iam.serviceAccounts.getAccessToken !iam.serviceAccounts.getOpenIdToken",
		"cloud.google.com/iam/docs/roles-overview#basic"},
	"roles/editor": {"*.*.* !*.*.setIamPolicy !iap.*.getIamPolicy !iap.webServiceVersions.accessViaIAP " +
		"!iam.serviceAccounts.getAccessToken !iam.serviceAccounts.getOpenIdToken !secretmanager.versions.access !secretmanager.*.setIamPolicy !storage.objects.* !iam.roles.create !iam.roles.update !iam.roles.delete !logging.sinks.create !logging.sinks.update !logging.sinks.delete",
		"cloud.google.com/iam/docs/roles-overview#basic"},
	"roles/viewer": {"compute.*.get compute.*.list networksecurity.*.get networksecurity.*.list compute.backendServices.getIamPolicy compute.regionBackendServices.getIamPolicy " +
		"iam.roles.get iam.roles.list iap.*.getSettings logging.logEntries.list logging.sinks.get logging.sinks.list " +
		"resourcemanager.projects.get resourcemanager.projects.getIamPolicy run.*.get run.*.list run.services.getIamPolicy " +
		"serviceusage.*.get serviceusage.*.list cloudscheduler.*.get cloudscheduler.*.list eventarc.*.get eventarc.*.list " +
		"pubsub.*.get pubsub.*.list secretmanager.*.get secretmanager.*.list",
		"cloud.google.com/iam/docs/roles-overview#basic"},
	"roles/browser": {"resourcemanager.projects.get resourcemanager.projects.getIamPolicy", rolePages + "resourcemanager"},

	"roles/run.admin": {"run.instances.* run.locations.list run.operations.* run.revisions.* run.routes.* run.services.* resourcemanager.projects.get",
		rolePages + "run"},
	"roles/run.developer": {"run.locations.list run.operations.* run.revisions.* run.routes.* run.services.* " +
		"!run.services.setIamPolicy resourcemanager.projects.get", rolePages + "run"},
	"roles/run.viewer": {"run.locations.list run.operations.get run.operations.list run.revisions.get run.revisions.list " +
		"run.services.get run.services.getIamPolicy run.services.list resourcemanager.projects.get", rolePages + "run"},
	"roles/run.editor": {"run.locations.list run.operations.* run.revisions.* run.routes.* run.services.* " +
		"!run.services.setIamPolicy resourcemanager.projects.get", rolePages + "run"},
	"roles/run.sourceDeveloper": {"run.locations.list run.operations.* run.revisions.* run.routes.* run.services.* " +
		"!run.services.setIamPolicy resourcemanager.projects.get", rolePages + "run"},
	// Of these only what lets somebody in is known here.
	"roles/cloudfunctions.admin":     {"run.routes.invoke", rolePages + "cloudfunctions"},
	"roles/cloudfunctions.developer": {"run.routes.invoke", rolePages + "cloudfunctions"},
	"roles/cloudfunctions.editor":    {"run.routes.invoke", rolePages + "cloudfunctions"},
	"roles/firebase.admin":           {"run.routes.invoke", rolePages + "firebase"},
	"roles/firebase.developAdmin":    {"run.routes.invoke", rolePages + "firebase"},
	"roles/iam.dataScientist":        {"run.routes.invoke", rolePages + "iam"},
	"roles/iam.devOps":               {"run.routes.invoke", rolePages + "iam"},
	"roles/iam.mlEngineer":           {"run.routes.invoke", rolePages + "iam"},

	"roles/run.invoker":         {"run.routes.invoke run.instances.invoke", rolePages + "run"},
	"roles/run.servicesInvoker": {"run.routes.invoke", rolePages + "run"},

	"roles/compute.networkViewer": {"networksecurity.*.get networksecurity.*.list compute.forwardingRules.get " +
		"compute.forwardingRules.list compute.globalForwardingRules.get compute.globalForwardingRules.list " +
		"resourcemanager.projects.get", rolePages + "compute"},
	"roles/compute.admin": {"compute.*.* resourcemanager.projects.get serviceusage.services.get serviceusage.services.list", rolePages + "compute"},
	"roles/compute.loadBalancerAdmin": {loadBalancing + " compute.sslCertificates.* compute.regionSslCertificates.* " +
		"compute.regionNetworkEndpointGroups.*", rolePages + "compute"},
	"roles/compute.loadBalancerServiceUser": {"compute.backendServices.get compute.backendServices.list " +
		"compute.backendServices.use compute.regionBackendServices.get compute.regionBackendServices.list " +
		"compute.regionBackendServices.use", rolePages + "compute"},
	"roles/compute.networkAdmin": {loadBalancing + " compute.sslCertificates.get compute.sslCertificates.list " +
		"compute.regionSslCertificates.get compute.regionSslCertificates.list compute.regionNetworkEndpointGroups.get " +
		"compute.regionNetworkEndpointGroups.list compute.regions.get compute.regions.list compute.networks.* compute.subnetworks.*", rolePages + "compute"},
	"roles/compute.securityAdmin": {"compute.securityPolicies.* compute.regionSecurityPolicies.* compute.sslPolicies.* " +
		"compute.regionSslPolicies.* compute.networks.get compute.networks.list compute.subnetworks.get compute.subnetworks.list " +
		"compute.backendBuckets.list resourcemanager.projects.get serviceusage.services.get serviceusage.services.list",
		rolePages + "compute"},
	"roles/compute.viewer": {"compute.*.get compute.*.list compute.backendServices.getIamPolicy compute.regionBackendServices.getIamPolicy " +
		"resourcemanager.projects.get serviceusage.services.get serviceusage.services.list", rolePages + "compute"},

	"roles/iap.admin":                 {"iap.*.getIamPolicy iap.*.setIamPolicy", rolePages + "iap"},
	"roles/iap.settingsAdmin":         {"iap.*.getSettings iap.*.updateSettings", rolePages + "iap"},
	"roles/iap.httpsResourceAccessor": {"iap.webServiceVersions.accessViaIAP", rolePages + "iap"},

	"roles/secretmanager.admin": {"secretmanager.*.* resourcemanager.projects.get",
		rolePages + "secretmanager"},
	"roles/secretmanager.secretAccessor": {"secretmanager.versions.access resourcemanager.projects.get",
		rolePages + "secretmanager"},
	"roles/secretmanager.secretVersionAdder": {"secretmanager.versions.add resourcemanager.projects.get",
		rolePages + "secretmanager"},

	"roles/cloudkms.admin": {"cloudkms.keyRings.* cloudkms.cryptoKeys.* cloudkms.cryptoKeyVersions.* !cloudkms.cryptoKeyVersions.useToSign " +
		"resourcemanager.projects.get", rolePages + "cloudkms"},
	"roles/cloudkms.signerVerifier": {"cloudkms.cryptoKeyVersions.useToSign cloudkms.cryptoKeyVersions.viewPublicKey " +
		"resourcemanager.projects.get", rolePages + "cloudkms"},
	"roles/cloudkms.publicKeyViewer": {"cloudkms.cryptoKeyVersions.viewPublicKey resourcemanager.projects.get", rolePages + "cloudkms"},

	"roles/bigquery.admin": {"bigquery.*.* resourcemanager.projects.get", rolePages + "bigquery"},
	"roles/bigquery.dataEditor": {"bigquery.datasets.create bigquery.datasets.get bigquery.tables.* !bigquery.tables.setIamPolicy " +
		"resourcemanager.projects.get", rolePages + "bigquery"},
	"roles/bigquery.dataOwner": {"bigquery.datasets.* bigquery.tables.* resourcemanager.projects.get", rolePages + "bigquery"},
	"roles/bigquery.dataViewer": {"bigquery.datasets.get bigquery.tables.get bigquery.tables.getData " +
		"bigquery.tables.getIamPolicy bigquery.tables.list resourcemanager.projects.get", rolePages + "bigquery"},

	"roles/certificatemanager.editor": {"certificatemanager.*.create certificatemanager.*.get certificatemanager.*.list " +
		"certificatemanager.*.update resourcemanager.projects.get", rolePages + "certificatemanager"},
	"roles/certificatemanager.owner": {"certificatemanager.*.* resourcemanager.projects.get", rolePages + "certificatemanager"},
	"roles/certificatemanager.viewer": {"certificatemanager.*.get certificatemanager.*.list resourcemanager.projects.get",
		rolePages + "certificatemanager"},

	"roles/monitoring.editor": {"monitoring.*.create monitoring.*.delete monitoring.*.get monitoring.*.list monitoring.*.update " +
		"resourcemanager.projects.get", rolePages + "monitoring"},
	"roles/monitoring.metricWriter": {"monitoring.metricDescriptors.create monitoring.metricDescriptors.get " +
		"monitoring.metricDescriptors.list monitoring.timeSeries.create", rolePages + "monitoring"},
	"roles/monitoring.viewer": {"monitoring.*.get monitoring.*.list resourcemanager.projects.get", rolePages + "monitoring"},

	"roles/pubsub.publisher": {"pubsub.topics.publish", rolePages + "pubsub"},
	"roles/pubsub.subscriber": {"pubsub.snapshots.seek pubsub.subscriptions.consume pubsub.topics.attachSubscription",
		rolePages + "pubsub"},

	"roles/storage.admin":         {"storage.*.* resourcemanager.projects.get", rolePages + "storage"},
	"roles/storage.objectAdmin":   {"storage.objects.* resourcemanager.projects.get", rolePages + "storage"},
	"roles/storage.objectUser":    {"storage.objects.create storage.objects.delete storage.objects.get storage.objects.list storage.objects.update resourcemanager.projects.get", rolePages + "storage"},
	"roles/storage.objectCreator": {"storage.objects.create resourcemanager.projects.get", rolePages + "storage"},
	// Of a bucket alone (storage/docs/access-control/iam-roles, legacy roles).
	"roles/storage.legacyBucketReader": {"storage.buckets.get storage.objects.list", rolePages + "storage"},
	"roles/storage.legacyBucketOwner": {"storage.buckets.get storage.buckets.update storage.buckets.getIamPolicy storage.buckets.setIamPolicy storage.objects.create storage.objects.delete storage.objects.list",
		rolePages + "storage"},
	"roles/storage.objectViewer": {"storage.objects.get storage.objects.list resourcemanager.projects.get",
		rolePages + "storage"},

	"roles/serviceusage.serviceUsageAdmin":  {"serviceusage.*.*", rolePages + "serviceusage"},
	"roles/serviceusage.serviceUsageViewer": {"serviceusage.*.get serviceusage.*.list", rolePages + "serviceusage"},
	"roles/resourcemanager.projectIamAdmin": {"resourcemanager.projects.*", rolePages + "resourcemanager"},
	"roles/iam.roleAdmin":                   {"iam.roles.* resourcemanager.projects.get resourcemanager.projects.getIamPolicy", rolePages + "iam"},
	"roles/iam.roleViewer":                  {"iam.roles.get iam.roles.list resourcemanager.projects.get resourcemanager.projects.getIamPolicy", rolePages + "iam"},
	"roles/iam.serviceAccountUser":          {"iam.serviceAccounts.actAs resourcemanager.projects.get", rolePages + "iam"},
	"roles/iam.serviceAccountTokenCreator": {"iam.serviceAccounts.get iam.serviceAccounts.getAccessToken " +
		"iam.serviceAccounts.getOpenIdToken iam.serviceAccounts.list resourcemanager.projects.get", rolePages + "iam"},
	"roles/iam.serviceAccountOpenIdTokenCreator": {"iam.serviceAccounts.getOpenIdToken", rolePages + "iam"},
	"roles/iam.securityReviewer": {"*.*.list *.*.getIamPolicy !serviceusage.operations.list iam.roles.get",
		rolePages + "iam"},
	"roles/orgpolicy.policyAdmin": {"orgpolicy.*.*", rolePages + "orgpolicy"},
	"roles/orgpolicy.policyViewer": {"orgpolicy.constraints.list orgpolicy.policies.list orgpolicy.policy.get",
		rolePages + "orgpolicy"},
	"roles/logging.logWriter":    {"logging.logEntries.create", rolePages + "logging"},
	"roles/logging.admin":        {"logging.*.* resourcemanager.projects.get", rolePages + "logging"},
	"roles/logging.configWriter": {"logging.logMetrics.* logging.sinks.* resourcemanager.projects.get", rolePages + "logging"},
	"roles/logging.viewer": {"logging.logEntries.list logging.logMetrics.get logging.logMetrics.list logging.sinks.get " +
		"logging.sinks.list resourcemanager.projects.get",
		rolePages + "logging"},
}

// loadBalancing is what the roles about load balancers have in common.
const loadBalancing = "compute.addresses.* compute.globalAddresses.* compute.backendServices.* compute.regionBackendServices.* " +
	"compute.forwardingRules.* compute.globalForwardingRules.* compute.networkEndpointGroups.* compute.urlMaps.* compute.regionUrlMaps.* " +
	"compute.targetHttpProxies.* compute.regionTargetHttpProxies.* compute.targetHttpsProxies.* compute.regionTargetHttpsProxies.* " +
	"compute.targetTcpProxies.* compute.regionTargetTcpProxies.* compute.targetSslProxies.* compute.backendBuckets.* " +
	"compute.healthChecks.* compute.regionHealthChecks.* compute.sslPolicies.* compute.regionSslPolicies.* " +
	"compute.securityPolicies.get compute.securityPolicies.list compute.regionSecurityPolicies.get " +
	"compute.regionSecurityPolicies.list compute.networks.get compute.networks.list compute.subnetworks.get compute.subnetworks.list " +
	"compute.globalOperations.get compute.globalOperations.list compute.regionOperations.get compute.regionOperations.list " +
	"resourcemanager.projects.get serviceusage.services.get serviceusage.services.list"

// roles are the custom roles of the project.
type roles struct {
	mu     sync.Mutex
	custom map[string]Role
}

func (r *roles) reset(seeded []Role) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.custom = map[string]Role{}
	for _, role := range seeded {
		r.custom[role.Name] = role
	}
}

// PutRole makes a custom role, or changes it.
func (s *Server) PutRole(role Role) {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	s.roles.custom[role.Name] = role
}

// DropRole forgets a custom role: bindings that name it allow nothing.
func (s *Server) DropRole(name string) {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	delete(s.roles.custom, name)
}

// CustomRole finds a custom role by its full name.
func (s *Server) CustomRole(name string) (Role, bool) {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	role, ok := s.roles.custom[name]
	return role, ok
}

// CustomRoles are all custom roles, by name.
func (s *Server) CustomRoles() []Role {
	s.roles.mu.Lock()
	defer s.roles.mu.Unlock()
	var all []Role
	for _, name := range slices.Sorted(maps.Keys(s.roles.custom)) {
		all = append(all, s.roles.custom[name])
	}
	return all
}

// PredefinedRoles are Google's roles, with those of their permissions that are asked
// for here.
func (s *Server) PredefinedRoles() []Role {
	var known []string
	for _, route := range s.Routes() {
		known = append(known, append(route.Also, route.Permission)...)
	}
	for _, role := range predefined { // some are asked for by the data plane alone
		for permission := range strings.FieldsSeq(role.permissions) {
			if !strings.ContainsAny(permission, "*!") {
				known = append(known, permission)
			}
		}
	}
	slices.Sort(known)
	known = slices.DeleteFunc(slices.Compact(known), func(permission string) bool { return permission == "" })
	var all []Role
	for _, name := range slices.Sorted(maps.Keys(predefined)) {
		role := Role{Name: name, Title: name, Stage: "GA"}
		for _, permission := range known {
			if covers(predefined[name].permissions, permission) {
				role.Permissions = append(role.Permissions, permission)
			}
		}
		all = append(all, role)
	}
	return all
}

// disabledStage is that of a role that allows nothing.
// Source: iam's discovery document, Role.stage.
const disabledStage = "DISABLED"

// permits reports whether a role allows something. A role that nobody knows
// allows nothing.
func (s *Server) permits(role, permission string) bool {
	if known, ok := predefined[role]; ok {
		return covers(known.permissions, permission)
	}
	custom, _ := s.CustomRole(role)
	return custom.Stage != disabledStage && slices.Contains(custom.Permissions, permission)
}

func covers(patterns, permission string) bool {
	covered := false
	for pattern := range strings.FieldsSeq(patterns) {
		pattern, excluded := strings.CutPrefix(pattern, "!")
		if matches(pattern, permission) {
			covered = !excluded
		}
	}
	return covered
}

func matches(pattern, permission string) bool {
	wanted, have := strings.Split(pattern, "."), strings.Split(permission, ".")
	return slices.EqualFunc(wanted, have, func(w, h string) bool { return w == "*" || w == h })
}
