package compute

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// fields are those of each kind of resource, and of the messages in it that
// matter here (discovery document compute v1, revision 20261026). After ">"
// stands the message that a field, or each entry of its list, is; what is in
// other messages is taken as it comes. A test compares the table with Google's
// client.
var fields = map[string]string{
	"backendService": "affinityCookieTtlSec backends>Backend cdnPolicy circuitBreakers compressionMode connectionDraining>ConnectionDraining " +
		"connectionTrackingPolicy consistentHash creationTimestamp customMetrics customRequestHeaders customResponseHeaders description " +
		"dynamicForwarding edgeSecurityPolicy enableCDN externalManagedMigrationState externalManagedMigrationTestingPercentage " +
		"failoverPolicy fingerprint haPolicy healthChecks iap>BackendServiceIAP id ipAddressSelectionPolicy kind loadBalancingScheme " +
		"localityLbPolicies localityLbPolicy logConfig>BackendServiceLogConfig maxStreamDuration metadatas name network " +
		"networkPassThroughLbTrafficPolicy orchestrationInfo outlierDetection params port portName protocol region securityPolicy " +
		"securitySettings selfLink serviceBindings serviceLbPolicy sessionAffinity strongSessionAffinityCookie subsetting timeoutSec " +
		"tlsSettings usedBy",
	"networkEndpointGroup": "annotations appEngine>NetworkEndpointGroupAppEngine cloudFunction>NetworkEndpointGroupCloudFunction " +
		"cloudRun>NetworkEndpointGroupCloudRun creationTimestamp defaultPort description id kind name network networkEndpointType pscData " +
		"pscTargetService region selfLink size subnetwork zone",
	"urlMap": "creationTimestamp defaultCustomErrorResponsePolicy defaultRouteAction defaultService defaultUrlRedirect description " +
		"fingerprint headerAction hostRules>HostRule id kind name pathMatchers>PathMatcher region selfLink status tests",
	"targetHttpProxy": "creationTimestamp description fingerprint httpKeepAliveTimeoutSec id kind name proxyBind region selfLink urlMap",
	"targetHttpsProxy": "authorizationPolicy certificateMap creationTimestamp description fingerprint httpKeepAliveTimeoutSec id kind name " +
		"proxyBind quicOverride region selfLink serverTlsPolicy sslCertificates sslPolicy tlsEarlyData urlMap",
	"forwardingRule": "IPAddress IPAddresses IPProtocol allPorts allowGlobalAccess allowPscGlobalAccess attachedExtensions availabilityGroup " +
		"backendService baseForwardingRule childForwardingRules creationTimestamp description externalManagedBackendBucketMigrationState " +
		"externalManagedBackendBucketMigrationTestingPercentage fingerprint id ipCollection ipVersion isMirroringCollector kind " +
		"labelFingerprint labels loadBalancingScheme metadataFilters name network networkTier noAutomateDnsZone parentForwardingRule " +
		"portRange ports pscConnectionId pscConnectionStatus region selfLink selfLinkWithId serviceDirectoryRegistrations serviceLabel " +
		"serviceName sourceIpRanges subnetwork target",
	"sslCertificate": "certificate creationTimestamp description expireTime id kind managed>SslCertificateManagedSslCertificate name " +
		"privateKey region selfLink selfManaged>SslCertificateSelfManagedSslCertificate subjectAlternativeNames type",
	"address": "address addressType creationTimestamp description id ipCollection ipVersion ipv6EndpointType kind labelFingerprint labels " +
		"name network networkAttachment networkTier prefixLength purpose region selfLink serviceClassId status subnetwork users",

	"Backend": "balancingMode capacityScaler customMetrics description failover group maxConnections maxConnectionsPerEndpoint " +
		"maxConnectionsPerInstance maxInFlightRequests maxInFlightRequestsPerEndpoint maxInFlightRequestsPerInstance maxRate " +
		"maxRatePerEndpoint maxRatePerInstance maxUtilization orchestrationInfo preference trafficDuration",
	"BackendServiceIAP":                       "enabled oauth2ClientId oauth2ClientSecret oauth2ClientSecretSha256",
	"BackendServiceLogConfig":                 "enable loggingHttpRequestHeaders loggingHttpResponseHeaders optionalFields optionalMode sampleRate",
	"ConnectionDraining":                      "drainingTimeoutSec",
	"NetworkEndpointGroupAppEngine":           "service urlMask version",
	"NetworkEndpointGroupCloudFunction":       "function urlMask",
	"NetworkEndpointGroupCloudRun":            "service tag urlMask",
	"HostRule":                                "description hosts pathMatcher",
	"PathMatcher":                             "defaultCustomErrorResponsePolicy defaultRouteAction defaultService defaultUrlRedirect description headerAction name pathRules>PathRule routeRules",
	"PathRule":                                "customErrorResponsePolicy paths routeAction service urlRedirect",
	"SslCertificateManagedSslCertificate":     "domainStatus domains status",
	"SslCertificateSelfManagedSslCertificate": "certificate privateKey",
}

// notInV1 are fields that v1 answers, and clients send back, although its
// discovery document does not have them (recorded).
var notInV1 = []string{"selfLinkWithId"}

// checkFields refuses fields that v1 does not have. Other versions have more,
// which this table does not list: through them everything passes.
func (s site) checkFields(sent map[string]any) error {
	if s.version != "v1" {
		return nil
	}
	return unknownIn(sent, s.kind.singular, "")
}

// unknownIn is the first field of an object, by name, that its message does
// not have. At is where the object is, "" for the body itself.
func unknownIn(object map[string]any, message, at string) error {
	known := map[string]string{}
	for field := range strings.FieldsSeq(fields[message]) {
		name, inner, _ := strings.Cut(field, ">")
		known[name] = inner
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		inner, ok := known[name]
		if !ok && !slices.Contains(notInV1, name) {
			return apiserver.UnknownField(name, at)
		}
		if inner == "" {
			continue
		}
		if err := unknownInside(object[name], inner, strings.TrimPrefix(at+"."+name, ".")); err != nil {
			return err
		}
	}
	return nil
}

// unknownInside looks into a message or a list of them.
func unknownInside(value any, message, at string) error {
	switch value := value.(type) {
	case map[string]any:
		return unknownIn(value, message, at)
	case []any:
		for i, entry := range value {
			if err := unknownInside(entry, message, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFields refuses fields that a custom method does not have.
func (a action) checkFields(sent map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if !slices.Contains(a.fields, name) && (name != "labelFingerprint" || a.name != setLabels.name) {
			return apiserver.UnknownField(name, "")
		}
	}
	return nil
}
