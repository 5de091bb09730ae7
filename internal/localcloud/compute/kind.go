package compute

// kind describes one kind of resource: what the API calls it, where it lives,
// what it is filled up with and what it refers to.
type kind struct {
	// collection and singular are its names in URLs and in "kind".
	collection, singular string
	// global and regional are the names of the API collections that serve it,
	// empty where it does not exist; aggregated is the one with
	// aggregatedList.
	global, regional, aggregated string
	// patchGlobal, patchRegional and update say which writes exist.
	patchGlobal, patchRegional, update bool
	// fingerprint and labels say which of the two fingerprints it has.
	fingerprint, labels bool
	// patchNeedsFingerprint refuses a PATCH without one. PUT always does.
	patchNeedsFingerprint bool
	// longOperation says that operationType spells out the whole method.
	longOperation bool
	// defaults fill what was not sent.
	defaults map[string]any
	// required fields must be present and not empty.
	required []string
	// enums lists the values of fields that have a closed set of them.
	enums map[string][]string
	// references are the paths of fields that name other resources:
	// "backends[].group".
	references []string
	// outputs are fields that only the server writes, beside those that every
	// kind has.
	outputs []string
	// actions are the custom methods.
	actions []action
	// policy says that it has an IAM policy of its own.
	policy bool
	// settle applies the kind's own rules to a resource that is about to be
	// written. old is nil on insert.
	settle func(a *API, r, old *resource) error
	// view adds what is computed when the resource is read.
	view func(a *API, r *resource, body map[string]any)
}

// action is a custom method that sets fields, such as setTarget.
type action struct {
	name string
	// operation is operationType: recorded ones are not the method's name.
	operation string
	// fields are taken from the request and replace what was there.
	fields []string
	// unscoped says that the global path has no "global/".
	unscoped bool
	// globalOnly says that regional resources do not have it.
	globalOnly bool
	// instant says that the first answer is already DONE.
	instant bool
}

var setLabels = action{name: "setLabels", operation: "setLabels", fields: []string{"labels"}, instant: true}

// kinds is the table. Names and methods are those of the discovery document
// of compute v1; the defaults are recorded (wire.md 2) unless UNVERIFIED.md
// says otherwise.
var kinds = []*kind{
	{
		collection: "backendServices", singular: "backendService",
		global: "backendServices", regional: "regionBackendServices", aggregated: "backendServices",
		patchGlobal: true, patchRegional: true, update: true, fingerprint: true,
		defaults:   backendServiceDefaults,
		enums:      backendServiceEnums,
		references: []string{"backends[].group", "healthChecks[]"},
		outputs:    []string{"usedBy"},
		policy:     true,
		actions:    []action{{name: "setSecurityPolicy", operation: "setSecurityPolicy", fields: []string{"securityPolicy"}}},
		settle:     settleBackendService, view: viewBackendService,
	},
	{
		collection: "networkEndpointGroups", singular: "networkEndpointGroup",
		regional: "regionNetworkEndpointGroups", aggregated: "networkEndpointGroups",
		longOperation: true,
		defaults:      map[string]any{"size": number("0")},
		required:      []string{"networkEndpointType"},
		enums: map[string][]string{"networkEndpointType": {"SERVERLESS", "PRIVATE_SERVICE_CONNECT",
			"INTERNET_IP_PORT", "INTERNET_FQDN_PORT", "GCE_VM_IP_PORTMAP"}},
		outputs: []string{"size"},
		settle:  settleNetworkEndpointGroup,
	},
	{
		collection: "urlMaps", singular: "urlMap",
		global: "urlMaps", regional: "regionUrlMaps", aggregated: "urlMaps",
		patchGlobal: true, patchRegional: true, update: true, fingerprint: true,
		references: urlMapReferences,
		outputs:    []string{"status"},
		settle:     settleURLMap,
	},
	{
		collection: "targetHttpProxies", singular: "targetHttpProxy",
		global: "targetHttpProxies", regional: "regionTargetHttpProxies", aggregated: "targetHttpProxies",
		patchGlobal: true, fingerprint: true,
		required:   []string{"urlMap"},
		references: []string{"urlMap"},
		actions:    []action{setURLMap},
	},
	{
		collection: "targetHttpsProxies", singular: "targetHttpsProxy",
		global: "targetHttpsProxies", regional: "regionTargetHttpsProxies", aggregated: "targetHttpsProxies",
		patchGlobal: true, patchRegional: true, fingerprint: true, patchNeedsFingerprint: true,
		defaults: map[string]any{"tlsEarlyData": "DISABLED"},
		required: []string{"urlMap"},
		enums: map[string][]string{"quicOverride": {"NONE", "ENABLE", "DISABLE"},
			"tlsEarlyData": {"DISABLED", "PERMISSIVE", "STRICT", "UNRESTRICTED"}},
		references: []string{"urlMap", "sslCertificates[]"},
		actions: []action{setURLMap, setSSLCertificates, {
			name: "setQuicOverride", operation: "compute.targetHttpsProxies.setQuicOverride",
			fields: []string{"quicOverride"}, globalOnly: true,
		}},
		settle: settleTargetHTTPSProxy,
	},
	{
		collection: "forwardingRules", singular: "forwardingRule",
		global: "globalForwardingRules", regional: "forwardingRules", aggregated: "forwardingRules",
		patchGlobal: true, patchRegional: true, fingerprint: true, labels: true,
		defaults: map[string]any{
			"description": "", "IPProtocol": "TCP", "loadBalancingScheme": "EXTERNAL", "networkTier": "PREMIUM",
		},
		enums: map[string][]string{
			"IPProtocol":          {"AH", "ESP", "ICMP", "L3_DEFAULT", "SCTP", "TCP", "UDP"},
			"loadBalancingScheme": {"EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED"},
			"networkTier":         {"PREMIUM", "STANDARD", "FIXED_STANDARD", "STANDARD_OVERRIDES_FIXED_STANDARD"},
		},
		references: []string{"target", "backendService", "network", "subnetwork"},
		actions: []action{
			{name: "setTarget", operation: "SetTarget", fields: []string{"target"}}, setLabels,
		},
		settle: settleForwardingRule, view: viewForwardingRule,
	},
	{
		collection: "sslCertificates", singular: "sslCertificate",
		global: "sslCertificates", regional: "regionSslCertificates", aggregated: "sslCertificates",
		enums:   map[string][]string{"type": {"MANAGED", "SELF_MANAGED"}},
		outputs: []string{"expireTime", "subjectAlternativeNames"},
		settle:  settleSSLCertificate,
	},
	{
		collection: "addresses", singular: "address",
		global: "globalAddresses", regional: "addresses", aggregated: "addresses",
		labels: true,
		defaults: map[string]any{
			"description": "", "addressType": "EXTERNAL", "networkTier": "PREMIUM",
		},
		enums: map[string][]string{
			"addressType": {"EXTERNAL", "INTERNAL"}, "ipVersion": {"IPV4", "IPV6"}, "networkTier": {"PREMIUM", "STANDARD"},
		},
		outputs: []string{"status", "users"},
		actions: []action{setLabels},
		settle:  settleAddress, view: viewAddress,
	},
}

// kindOf finds a kind by its collection's name in URLs.
func kindOf(collection string) *kind {
	for _, k := range kinds {
		if k.collection == collection {
			return k
		}
	}
	return nil
}
