package logfilter

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
)

// Trigger is a method that an Eventarc trigger can be made for.
type Trigger struct{ Service, Method string }

// catalogue lists the methods that change something, by service and version.
// An Eventarc trigger takes one full method name and no pattern.
//
// Sources: googleapis/google-cloudevents json/audit/service_catalog.json (of
// 2026-04-10), which Eventarc's documentation lists. v1 and beta of Compute have the
// same methods there, but for those of uncatalogued. The list leaves out Compute's
// alpha, which Google offers by invitation only.
var catalogue = []struct {
	service  string
	prefixes []string
	methods  []string
}{
	{
		"run.googleapis.com", []string{"google.cloud.run.v1."}, slices.Concat(
			of("Services", "CreateService", "ReplaceService", "DeleteService", "SetIamPolicy"),
			of("DomainMappings", "CreateDomainMapping", "DeleteDomainMapping"),
		),
	},
	{
		"run.googleapis.com", []string{"google.cloud.run.v2."},
		of("Services", "CreateService", "UpdateService", "DeleteService", "SetIamPolicy"),
	},
	{
		"compute.googleapis.com", []string{"v1.compute.", "beta.compute."}, slices.Concat(
			of("backendServices", "insert", "patch", "update", "delete",
				"setIamPolicy", "setSecurityPolicy", "setEdgeSecurityPolicy", "addSignedUrlKey", "deleteSignedUrlKey"),
			of("regionBackendServices", "insert", "patch", "update", "delete", "setIamPolicy", "setSecurityPolicy"),
			of("regionNetworkEndpointGroups", "insert", "delete"),
			of("globalNetworkEndpointGroups", "insert", "delete", "attachNetworkEndpoints", "detachNetworkEndpoints"),
			of("urlMaps", "insert", "patch", "update", "delete", "invalidateCache"),
			of("regionUrlMaps", "insert", "patch", "update", "delete"),
			of("targetHttpProxies", "insert", "patch", "setUrlMap", "delete"),
			of("regionTargetHttpProxies", "insert", "setUrlMap", "delete"),
			of("targetHttpsProxies", "insert", "patch", "setUrlMap", "delete",
				"setSslCertificates", "setSslPolicy", "setQuicOverride", "setCertificateMap"),
			of("regionTargetHttpsProxies", "insert", "patch", "setUrlMap", "delete", "setSslCertificates"),
			of("forwardingRules", "insert", "patch", "setTarget", "setLabels", "delete"),
			of("globalForwardingRules", "insert", "patch", "setTarget", "setLabels", "delete"),
		),
	},
	{
		"iap.googleapis.com", []string{"google.cloud.iap.v1."},
		of("IdentityAwareProxyAdminService", "SetIamPolicy", "UpdateIapSettings"),
	},
	{
		"iap.googleapis.com", []string{"google.cloud.iap.v1beta1."},
		of("IdentityAwareProxyAdminV1Beta1", "SetIamPolicy"),
	},
	{
		"iam.googleapis.com", []string{"google.iam.admin.v1."},
		[]string{"DeleteRole", "UndeleteRole", "UpdateRole"},
	},
	{
		"serviceusage.googleapis.com", []string{"google.api.serviceusage.v1.", "google.api.serviceusage.v1beta1."},
		of("ServiceUsage", "DisableService"),
	},
	{
		"cloudresourcemanager.googleapis.com", []string{"", "google.cloud.resourcemanager.v3.Projects."},
		[]string{"SetIamPolicy"},
	},
}

// uncatalogued are methods of the list above that Google's catalogue lacks. It lacks
// those of InternalServices too, as which Cloud Functions deploys. Whether Eventarc
// refuses a trigger for such a method is unknown, and one refused trigger ends an apply
// with no intake. So no trigger is made for them.
var uncatalogued = map[string]bool{"beta.compute.regionUrlMaps.patch": true}

// of are the methods of a collection.
func of(collection string, verbs ...string) []string {
	methods := make([]string, len(verbs))
	for i, verb := range verbs {
		methods[i] = collection + "." + verb
	}
	return methods
}

// opensNothing are the verbs of Compute that cannot open a way to a service and
// cannot take IAP from one. The next sweep finds what they change. Triggers for
// them would double the number of triggers.
var opensNothing = map[string]bool{
	"delete": true, "setIamPolicy": true, "setSecurityPolicy": true, "setEdgeSecurityPolicy": true,
	"addSignedUrlKey": true, "deleteSignedUrlKey": true, "detachNetworkEndpoints": true,
	"setSslCertificates": true, "setSslPolicy": true, "setQuicOverride": true, "setCertificateMap": true,
}

// Triggers lists the methods to make triggers for: those of the catalogue that
// the table of package event acts on, in the catalogue's order.
func Triggers() []Trigger {
	var list []Trigger
	for _, part := range catalogue {
		for _, prefix := range part.prefixes {
			for _, method := range part.methods {
				verb := method[strings.LastIndexByte(method, '.')+1:]
				row, known := event.Lookup(part.service, prefix+method)
				if known && row.Ignored == "" && !uncatalogued[prefix+method] && !(part.service == "compute.googleapis.com" && opensNothing[verb]) {
					list = append(list, Trigger{part.service, prefix + method})
				}
			}
		}
	}
	return list
}
