package event

import "strings"

// Row is one row of the table of methods and messages that are understood.
type Row struct {
	Source string // where the entries come from, in words
	// Service is the serviceName of audit entries, "" for other messages.
	Service string
	// Methods are patterns of "Collection.Verb", the last two parts of a method's
	// name, so that every API version matches: "v1.compute.urlMaps.patch" and
	// "beta.compute.urlMaps.patch" are both urlMaps.patch. A star may end a pattern.
	// A pattern without a dot matches the verb in any collection. A pattern that
	// starts with a slash matches only Cloud Run's system events.
	Methods []string
	Kind    Kind   // of the causes
	Ignored Reason // why they are ignored instead; exactly one of the two is set
}

// methods is the table of audited methods. Within a service the first row that
// matches decides. Verbs that it does not name count as changes, because a list of
// verbs that change is never complete. Methods that no row matches are
// otherService.
//
// Sources of the names: googleapis/google-cloudevents
// json/audit/service_catalog.json, run/docs/audit-logging,
// load-balancing/docs/audit-logging, iap/docs/audit-log-howto. The methods with a
// leading slash were recorded. That no other verbs than these only read is
// *unverified*, and so are the names for instances and for authorization policies, which
// follow those of other resources of their APIs.
var methods = []Row{
	acts(runAPI, RunServiceDeleted, "Cloud Run system events", "/Services.Delete*", "/InternalServices.Delete*"),
	acts(runAPI, RunServiceReady, "Cloud Run system events", "/Services.*", "/InternalServices.*"),
	acts(runAPI, RunIAMChanged, "Cloud Run admin activity",
		"Services.SetIamPolicy", "InternalServices.SetIamPolicy"),
	ignores(runAPI, ReadCall, "Cloud Run admin activity", "Get*", "List*", "Test*", "Fetch*", "Wait*"),
	acts(runAPI, RunServiceDeleted, "Cloud Run admin activity", "Services.Delete*", "InternalServices.Delete*"),
	acts(runAPI, RunServiceChanged, "Cloud Run admin activity", "Services.*", "InternalServices.*"),
	ignores(runAPI, Unrelated, "Cloud Run admin activity",
		"Revisions.*", "Routes.*", "Configurations.*", "DomainMappings.Delete*"),
	acts(runAPI, RoutingChanged, "Cloud Run domain mappings", "DomainMappings.*"),
	acts(runAPI, RunInstanceChanged, "Cloud Run instances", "Instances.*"),

	ignores(computeAPI, ReadCall, "Compute", "get*", "list*", "aggregatedList*", "test*", "validate"),
	ignores(computeAPI, Unrelated, "Compute", "urlMaps.invalidateCache", "setLabels"),
	acts(computeAPI, BackendServiceChanged, "Compute backend services",
		"backendServices.*", "regionBackendServices.*"),
	acts(computeAPI, RoutingChanged, "Compute serverless and internet NEGs",
		"regionNetworkEndpointGroups.*", "globalNetworkEndpointGroups.*"),
	acts(computeAPI, RoutingChanged, "Compute URL maps", "urlMaps.*", "regionUrlMaps.*"),
	acts(computeAPI, RoutingChanged, "Compute target proxies",
		"targetHttpProxies.*", "regionTargetHttpProxies.*", "targetHttpsProxies.*", "regionTargetHttpsProxies.*"),
	acts(computeAPI, RoutingChanged, "Compute forwarding rules", "forwardingRules.*", "globalForwardingRules.*"),

	acts(iapAPI, IAPPolicyChanged, "IAP", "SetIamPolicy"),
	acts(iapAPI, IAPSettingsChanged, "IAP (Data Access log, must be enabled)", "UpdateIapSettings"),
	ignores(iapAPI, ReadCall, "IAP", "Get*", "List*", "Test*", "Validate*"),
	ignores(iapAPI, Unrelated, "IAP access decisions", "AuthorizeUser"),

	acts(networkSecurityAPI, AuthorizationChanged, "Authorization policies of load balancers",
		"CreateAuthzPolicy", "UpdateAuthzPolicy", "DeleteAuthzPolicy"),

	acts(iamAPI, RoleChanged, "Custom roles", "UpdateRole", "DeleteRole", "UndeleteRole"),

	acts(serviceUsageAPI, APIDisabled, "Service Usage", "DisableService"),
	ignores(serviceUsageAPI, ReadCall, "Service Usage", "Get*", "List*", "BatchGet*"),
	ignores(serviceUsageAPI, Unrelated, "Service Usage", "*"),
	acts(serviceManagementAPI, APIDisabled, "Service Management", "DisableService", "DeactivateServices"),

	acts(resourceManagerAPI, ProjectIAMChanged, "Projects, folders and organizations", "SetIamPolicy"),
	ignores(resourceManagerAPI, ReadCall, "Projects", "Get*", "List*", "Search*", "Test*"),
}

// acts is a row whose methods become causes, ignores one whose methods do not.
func acts(service string, kind Kind, source string, methods ...string) Row {
	return Row{Source: source, Service: service, Methods: methods, Kind: kind}
}

func ignores(service string, reason Reason, source string, methods ...string) Row {
	return Row{Source: source, Service: service, Methods: methods, Ignored: reason}
}

// The APIs of the table, by their serviceName in audit entries.
const (
	runAPI               = "run.googleapis.com"
	computeAPI           = "compute.googleapis.com"
	iapAPI               = "iap.googleapis.com"
	iamAPI               = "iam.googleapis.com"
	networkSecurityAPI   = "networksecurity.googleapis.com"
	serviceUsageAPI      = "serviceusage.googleapis.com"
	serviceManagementAPI = "servicemanagement.googleapis.com"
	resourceManagerAPI   = "cloudresourcemanager.googleapis.com"
)

// messages are the rows for messages that are not audit entries.
var messages = []Row{
	{Source: "Cloud Run request log: 403 by IAM, not the application's own", Kind: RunRequestDenied},
	{Source: "Load balancer request log: 403, handled_by_identity_aware_proxy", Kind: LBRequestDeniedByIAP},
	{Source: "Cloud Monitoring alert notification 1.x, open or closed", Kind: Alert},
	{
		Source: "Security Command Center notification: an active finding about a Cloud Run service or a backend service",
		Kind:   FindingReported,
	},
	{Source: "Feed of Cloud Asset Inventory: a Cloud Run service", Kind: RunServiceChanged},
	{Source: "Feed of Cloud Asset Inventory: the IAM policy of a Cloud Run service", Kind: RunIAMChanged},
	{Source: "Feed of Cloud Asset Inventory: a backend service", Kind: BackendServiceChanged},
	{
		Source: "Feed of Cloud Asset Inventory: a network endpoint group, URL map, target proxy or forwarding rule",
		Kind:   RoutingChanged,
	},
	{Source: "Feed of Cloud Asset Inventory: a policy of IAP", Kind: IAPPolicyChanged},
	{Source: "Commands topic, on /commands only", Kind: CommandReceived},
	{
		Source: "Heartbeat: an entry of the log iapguard-heartbeat, or the same message on the events topic, with a nonce",
		Kind:   Heartbeat,
	},
	{Source: "Reports topic: a report that we published", Ignored: ownReport},
}

// Understood is the table of everything that is understood, for the documentation.
func Understood() []Row { return append(append([]Row(nil), methods...), messages...) }

// byService are the audited rows of the table by service, in their order.
var byService = func() map[string][]Row {
	m := map[string][]Row{}
	for _, row := range methods {
		m[row.Service] = append(m[row.Service], row)
	}
	return m
}()

// Lookup finds the row that decides about a method of a service, false when no row
// matches.
func Lookup(service, method string) (Row, bool) {
	rows := byService[service]
	if len(rows) == 0 {
		return Row{}, false
	}
	slash := strings.HasPrefix(method, "/")
	collection, verb := splitMethod(method)
	for _, row := range rows {
		for _, pattern := range row.Methods {
			if matches(pattern, slash, collection, verb) {
				return row, true
			}
		}
	}
	return Row{}, false
}

// splitMethod is the last two parts of a method's name.
func splitMethod(method string) (collection, verb string) {
	method = strings.TrimPrefix(method, "/")
	rest, verb, dotted := cutLast(method, '.')
	if !dotted {
		return "", method
	}
	_, collection, dotted = cutLast(rest, '.')
	if !dotted {
		collection = rest
	}
	return collection, verb
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

func matches(pattern string, slash bool, collection, verb string) bool {
	system := strings.HasPrefix(pattern, "/")
	if system != slash {
		return false
	}
	wantCollection, wantVerb, dotted := strings.Cut(strings.TrimPrefix(pattern, "/"), ".")
	if !dotted {
		wantCollection, wantVerb = collection, wantCollection
	}
	if wantCollection != collection {
		return false
	}
	if prefix, open := strings.CutSuffix(wantVerb, "*"); open {
		return strings.HasPrefix(verb, prefix)
	}
	return verb == wantVerb
}

// serviceOf is the API of a method, for entries that do not name it.
func serviceOf(method string) string {
	for _, one := range []struct{ prefix, service string }{
		{"google.cloud.run.", runAPI},
		{"google.cloud.serverless.internal.", runAPI},
		{"google.cloud.iap.", iapAPI},
		{"google.cloud.networksecurity.", networkSecurityAPI},
		{"google.iam.admin.", iamAPI},
		{"google.api.serviceusage.", serviceUsageAPI},
		{"v1.compute.", computeAPI},
		{"beta.compute.", computeAPI},
		{"alpha.compute.", computeAPI},
	} {
		if strings.HasPrefix(method, one.prefix) {
			return one.service
		}
	}
	return ""
}
