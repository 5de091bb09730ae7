package logfilter

import (
	"strings"

	"github.com/iapguard/iapguard/internal/event"
)

// Trigger is a method that an Eventarc trigger can be made for.
type Trigger struct{ Service, Method string }

// catalogue lists the methods that change something, by service and version.
// An Eventarc trigger takes one full method name and no pattern.
//
// Sources: googleapis/google-cloudevents json/audit/service_catalog.json (of
// 2026-04-10), which Eventarc's documentation lists. The methods of internal
// services, which Cloud Functions deploys, were recorded. The list assumes that
// v1 and beta of Compute have the same methods. It leaves out Compute's alpha,
// which Google offers by invitation only.
var catalogue = []struct {
	service  string
	prefixes []string
	methods  []string
}{
	{"run.googleapis.com", []string{"google.cloud.run.v1."}, []string{
		"Services.CreateService", "Services.ReplaceService", "Services.DeleteService", "Services.SetIamPolicy",
		"DomainMappings.CreateDomainMapping", "DomainMappings.DeleteDomainMapping",
	}},
	{"run.googleapis.com", []string{"google.cloud.run.v2."}, []string{
		"Services.CreateService", "Services.UpdateService", "Services.DeleteService", "Services.SetIamPolicy",
	}},
	{"run.googleapis.com", []string{"google.cloud.serverless.internal."}, []string{
		"InternalServices.CreateInternalService", "InternalServices.ReplaceInternalService",
	}},
	{"compute.googleapis.com", []string{"v1.compute.", "beta.compute."}, []string{
		"backendServices.insert", "backendServices.patch", "backendServices.update", "backendServices.delete", "backendServices.setIamPolicy",
		"backendServices.setSecurityPolicy", "backendServices.setEdgeSecurityPolicy", "backendServices.addSignedUrlKey", "backendServices.deleteSignedUrlKey",
		"regionBackendServices.insert", "regionBackendServices.patch", "regionBackendServices.update", "regionBackendServices.delete",
		"regionBackendServices.setIamPolicy", "regionBackendServices.setSecurityPolicy",
		"regionNetworkEndpointGroups.insert", "regionNetworkEndpointGroups.delete",
		"globalNetworkEndpointGroups.insert", "globalNetworkEndpointGroups.delete",
		"globalNetworkEndpointGroups.attachNetworkEndpoints", "globalNetworkEndpointGroups.detachNetworkEndpoints",
		"urlMaps.insert", "urlMaps.patch", "urlMaps.update", "urlMaps.delete", "urlMaps.invalidateCache",
		"regionUrlMaps.insert", "regionUrlMaps.patch", "regionUrlMaps.update", "regionUrlMaps.delete",
		"targetHttpProxies.insert", "targetHttpProxies.patch", "targetHttpProxies.setUrlMap", "targetHttpProxies.delete",
		"regionTargetHttpProxies.insert", "regionTargetHttpProxies.setUrlMap", "regionTargetHttpProxies.delete",
		"targetHttpsProxies.insert", "targetHttpsProxies.patch", "targetHttpsProxies.setUrlMap", "targetHttpsProxies.delete",
		"targetHttpsProxies.setSslCertificates", "targetHttpsProxies.setSslPolicy", "targetHttpsProxies.setQuicOverride", "targetHttpsProxies.setCertificateMap",
		"regionTargetHttpsProxies.insert", "regionTargetHttpsProxies.patch", "regionTargetHttpsProxies.setUrlMap", "regionTargetHttpsProxies.delete",
		"regionTargetHttpsProxies.setSslCertificates",
		"forwardingRules.insert", "forwardingRules.patch", "forwardingRules.setTarget", "forwardingRules.setLabels", "forwardingRules.delete",
		"globalForwardingRules.insert", "globalForwardingRules.patch", "globalForwardingRules.setTarget", "globalForwardingRules.setLabels", "globalForwardingRules.delete",
	}},
	{"iap.googleapis.com", []string{"google.cloud.iap.v1.IdentityAwareProxyAdminService."}, []string{"SetIamPolicy", "UpdateIapSettings"}},
	{"iap.googleapis.com", []string{"google.cloud.iap.v1beta1.IdentityAwareProxyAdminV1Beta1."}, []string{"SetIamPolicy"}},
	{"serviceusage.googleapis.com", []string{"google.api.serviceusage.v1.ServiceUsage.", "google.api.serviceusage.v1beta1.ServiceUsage."}, []string{"DisableService"}},
	{"cloudresourcemanager.googleapis.com", []string{"", "google.cloud.resourcemanager.v3.Projects."}, []string{"SetIamPolicy"}},
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
				if known && row.Ignored == "" && !(part.service == "compute.googleapis.com" && opensNothing[verb]) {
					list = append(list, Trigger{part.service, prefix + method})
				}
			}
		}
	}
	return list
}
