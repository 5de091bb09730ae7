package compute

import (
	"slices"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// document is what Google says of compute v1: methods, paths, messages, types, enums
// and fields that only the server writes. It describes beta and alpha too, which have
// more.
var document = sync.OnceValue(func() *schema.API { return schema.Of("compute/v1") })

// kind describes one kind of resource, as far as the document does not.
type kind struct {
	// collection is its name in URLs, and message that of its resource in the document.
	collection, message string
	// apis are the API collections that serve it; nil = one of its name, and one with
	// "region" before it.
	apis []string
	// patchNeedsFingerprint refuses a PATCH without one. PUT always does, where the
	// resource has a fingerprint.
	patchNeedsFingerprint bool
	// defaults fill what was not sent.
	defaults map[string]any
	// required fields must be present and not empty.
	required []string
	// references are the paths of fields that name other resources:
	// "backends[].group".
	references []string
	// anyScope says that resources of other scopes may name it.
	anyScope bool
	// methods are the custom methods that do more than to set what they are sent.
	methods map[string]method
	// settle applies the kind's own rules to a resource that is about to be
	// written. old is nil on insert.
	settle func(a *API, r, old *resource) error
	// view adds what is computed when the resource is read.
	view func(a *API, r *resource, body map[string]any)

	singular string // its name in "kind"
}

// has reports whether the resource has a field.
func (k *kind) has(field string) bool { return document().Message(k.message).Fields[field] != nil }

// computes reports whether a field is one that the server writes.
func (k *kind) computes(field string) bool {
	described := document().Message(k.message).Fields[field]
	return described != nil && described.ReadOnly || slices.Contains(identity, field)
}

// collections are the API collections that may serve the kind.
func (k *kind) collections() []string {
	if k.apis != nil {
		return k.apis
	}
	return []string{k.collection, "region" + strings.ToUpper(k.collection[:1]) + k.collection[1:]}
}

// kinds is the table. The defaults are recorded (wire.md 2) unless UNVERIFIED.md
// says otherwise.
var kinds = named(
	&kind{
		collection: "backendServices", message: "BackendService",
		defaults:   backendServiceDefaults,
		references: []string{"backends[].group", "healthChecks[]", "securityPolicy", "edgeSecurityPolicy", "network"},
		methods:    map[string]method{"getHealth": {answer: getHealth}},
		settle:     settleBackendService, view: viewUsedBy,
	},
	&kind{
		collection: "backendBuckets", message: "BackendBucket",
		defaults: map[string]any{"description": "", "enableCdn": false}, required: []string{"bucketName"},
		references: []string{"edgeSecurityPolicy"}, view: viewUsedBy,
	},
	&kind{
		collection: "healthChecks", message: "HealthCheck", required: []string{"type"},
		defaults: map[string]any{
			"checkIntervalSec": number("5"), "timeoutSec": number("5"), "healthyThreshold": number("2"),
			"unhealthyThreshold": number("2"),
		},
		settle: settleHealthCheck,
	},
	&kind{
		collection: "networkEndpointGroups", message: "NetworkEndpointGroup",
		apis:     []string{"regionNetworkEndpointGroups", "networkEndpointGroups"},
		defaults: map[string]any{"size": number("0")}, required: []string{"networkEndpointType"},
		references: []string{"network", "subnetwork"}, anyScope: true, settle: settleNetworkEndpointGroup,
	},
	&kind{collection: "urlMaps", message: "UrlMap", references: urlMapReferences, settle: settleURLMap},
	&kind{
		collection: "targetHttpProxies", message: "TargetHttpProxy",
		required: []string{"urlMap"}, references: []string{"urlMap"},
	},
	&kind{
		collection: "targetHttpsProxies", message: "TargetHttpsProxy", patchNeedsFingerprint: true,
		defaults: map[string]any{"tlsEarlyData": "DISABLED"}, required: []string{"urlMap"},
		references: []string{"urlMap", "sslCertificates[]", "sslPolicy"}, settle: settleTargetHTTPSProxy,
	},
	&kind{
		collection: "targetGrpcProxies", message: "TargetGrpcProxy",
		required: []string{"urlMap"}, references: []string{"urlMap"}, view: viewSelfLinkWithID,
	},
	&kind{
		collection: "targetTcpProxies", message: "TargetTcpProxy",
		defaults: map[string]any{"proxyHeader": "NONE"}, required: []string{"service"}, references: []string{"service"},
	},
	&kind{
		collection: "targetSslProxies", message: "TargetSslProxy",
		defaults: map[string]any{"proxyHeader": "NONE"}, required: []string{"service"},
		references: []string{"service", "sslCertificates[]", "sslPolicy"},
	},
	&kind{
		collection: "forwardingRules", message: "ForwardingRule", apis: []string{"globalForwardingRules", "forwardingRules"},
		defaults: map[string]any{
			"description": "", "IPProtocol": "TCP", "loadBalancingScheme": "EXTERNAL", "networkTier": "PREMIUM",
		},
		references: []string{"target", "backendService", "network", "subnetwork"},
		settle:     settleForwardingRule, view: viewSelfLinkWithID,
	},
	&kind{collection: "sslCertificates", message: "SslCertificate", settle: settleSSLCertificate},
	&kind{
		collection: "addresses", message: "Address", apis: []string{"globalAddresses", "addresses"},
		defaults:   map[string]any{"description": "", "addressType": "EXTERNAL", "networkTier": "PREMIUM"},
		references: []string{"network", "subnetwork"}, settle: settleAddress, view: viewAddress,
	},
	&kind{
		collection: "sslPolicies", message: "SslPolicy",
		defaults: map[string]any{"minTlsVersion": "TLS_1_0", "profile": "COMPATIBLE"},
		methods:  map[string]method{"listAvailableFeatures": {answer: listFeatures}}, settle: settleSSLPolicy,
	},
	&kind{
		collection: "securityPolicies", message: "SecurityPolicy", defaults: map[string]any{"type": "CLOUD_ARMOR"},
		methods: ruleMethods, settle: settleSecurityPolicy,
	},
	networks, subnetworks,
)

// Networks and their subnetworks, as far as load balancers name them.
var (
	networks = &kind{
		collection: "networks", message: "Network",
		defaults: map[string]any{
			"networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
			"routingConfig": map[string]any{
				"routingMode": "REGIONAL", "bgpBestPathSelectionMode": "LEGACY",
			},
		},
		required: []string{"autoCreateSubnetworks"}, anyScope: true, settle: settleNetwork, view: viewNetwork,
	}
	subnetworks = &kind{
		collection: "subnetworks", message: "Subnetwork",
		defaults: map[string]any{
			"privateIpGoogleAccess": false, "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS", "purpose": "PRIVATE",
			"allowSubnetCidrRoutesOverlap": false,
		},
		required: []string{"network", "ipCidrRange"}, references: []string{"network"}, anyScope: true,
		settle: settleSubnetwork,
	}
)

// named completes the rows of the table.
func named(rows ...*kind) []*kind {
	for _, k := range rows {
		k.singular = strings.ToLower(k.message[:1]) + k.message[1:]
	}
	return rows
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
