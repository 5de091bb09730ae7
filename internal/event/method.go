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
// OtherService.
//
// Sources of the names: googleapis/google-cloudevents
// json/audit/service_catalog.json, run/docs/audit-logging,
// load-balancing/docs/audit-logging, iap/docs/audit-log-howto. The methods with a
// leading slash were recorded. That no other verbs than these only read is
// *unverified*.
var methods = []Row{
	{"Cloud Run system events", "run.googleapis.com", []string{"/Services.Delete*", "/InternalServices.Delete*"}, RunServiceDeleted, ""},
	{"Cloud Run system events", "run.googleapis.com", []string{"/Services.*", "/InternalServices.*"}, RunServiceReady, ""},
	{"Cloud Run admin activity", "run.googleapis.com", []string{"Services.SetIamPolicy", "InternalServices.SetIamPolicy"}, RunIAMChanged, ""},
	{"Cloud Run admin activity", "run.googleapis.com", []string{"Get*", "List*", "Test*", "Fetch*", "Wait*"}, "", ReadCall},
	{"Cloud Run admin activity", "run.googleapis.com", []string{"Services.Delete*", "InternalServices.Delete*"}, RunServiceDeleted, ""},
	{"Cloud Run admin activity", "run.googleapis.com", []string{"Services.*", "InternalServices.*"}, RunServiceChanged, ""},
	{"Cloud Run admin activity", "run.googleapis.com", []string{"Revisions.*", "Routes.*", "Configurations.*", "DomainMappings.Delete*"}, "", Unrelated},
	{"Cloud Run domain mappings", "run.googleapis.com", []string{"DomainMappings.*"}, RoutingChanged, ""},

	{"Compute", "compute.googleapis.com", []string{"get*", "list*", "aggregatedList*", "test*", "validate"}, "", ReadCall},
	{"Compute", "compute.googleapis.com", []string{"urlMaps.invalidateCache", "setLabels"}, "", Unrelated},
	{"Compute backend services", "compute.googleapis.com", []string{"backendServices.*", "regionBackendServices.*"}, BackendServiceChanged, ""},
	{"Compute serverless and internet NEGs", "compute.googleapis.com", []string{"regionNetworkEndpointGroups.*", "globalNetworkEndpointGroups.*"}, RoutingChanged, ""},
	{"Compute URL maps", "compute.googleapis.com", []string{"urlMaps.*", "regionUrlMaps.*"}, RoutingChanged, ""},
	{"Compute target proxies", "compute.googleapis.com", []string{"targetHttpProxies.*", "regionTargetHttpProxies.*", "targetHttpsProxies.*", "regionTargetHttpsProxies.*"}, RoutingChanged, ""},
	{"Compute forwarding rules", "compute.googleapis.com", []string{"forwardingRules.*", "globalForwardingRules.*"}, RoutingChanged, ""},

	{"IAP", "iap.googleapis.com", []string{"SetIamPolicy"}, IAPPolicyChanged, ""},
	{"IAP (Data Access log, must be enabled)", "iap.googleapis.com", []string{"UpdateIapSettings"}, IAPSettingsChanged, ""},
	{"IAP", "iap.googleapis.com", []string{"Get*", "List*", "Test*", "Validate*"}, "", ReadCall},
	{"IAP access decisions", "iap.googleapis.com", []string{"AuthorizeUser"}, "", Unrelated},

	{"Service Usage", "serviceusage.googleapis.com", []string{"DisableService"}, APIDisabled, ""},
	{"Service Usage", "serviceusage.googleapis.com", []string{"Get*", "List*", "BatchGet*"}, "", ReadCall},
	{"Service Usage", "serviceusage.googleapis.com", []string{"*"}, "", Unrelated},
	{"Service Management", "servicemanagement.googleapis.com", []string{"DisableService", "DeactivateServices"}, APIDisabled, ""},

	{"Projects", "cloudresourcemanager.googleapis.com", []string{"SetIamPolicy"}, ProjectIAMChanged, ""},
	{"Projects", "cloudresourcemanager.googleapis.com", []string{"Get*", "List*", "Search*", "Test*"}, "", ReadCall},
}

// messages are the rows for messages that are not audit entries.
var messages = []Row{
	{Source: "Cloud Run request log: 403 by IAM, not the application's own", Kind: RunRequestDenied},
	{Source: "Load balancer request log: 403, handled_by_identity_aware_proxy", Kind: LBRequestDeniedByIAP},
	{Source: "Cloud Monitoring alert notification 1.x, open or closed", Kind: Alert},
	{Source: "Commands topic, on /commands only", Kind: CommandReceived},
	{Source: "Heartbeat: an entry of the log iapguard-heartbeat, or the same message on the events topic", Kind: Heartbeat},
	{Source: "Reports topic: a report that we published", Ignored: OwnReport},
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
	switch {
	case strings.HasPrefix(method, "google.cloud.run."), strings.HasPrefix(method, "google.cloud.serverless.internal."):
		return "run.googleapis.com"
	case strings.HasPrefix(method, "google.cloud.iap."):
		return "iap.googleapis.com"
	case strings.HasPrefix(method, "google.api.serviceusage."):
		return "serviceusage.googleapis.com"
	case strings.HasPrefix(method, "v1.compute."), strings.HasPrefix(method, "beta.compute."), strings.HasPrefix(method, "alpha.compute."):
		return "compute.googleapis.com"
	}
	return ""
}
