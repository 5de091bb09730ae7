package cloudasset

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// types are the asset types of resources, by API and collection.
// Source: asset-inventory/docs/asset-types.
var types = map[string]string{
	"run services": "Service", "run jobs": "Job", "run domainmappings": "DomainMapping",
	"compute backendServices": "BackendService", "compute urlMaps": "UrlMap",
	"compute targetHttpProxies": "TargetHttpProxy", "compute targetHttpsProxies": "TargetHttpsProxy",
	"compute forwardingRules": "ForwardingRule", "compute networkEndpointGroups": "NetworkEndpointGroup",
	"compute sslCertificates": "SslCertificate", "compute addresses": "Address",
	"cloudresourcemanager projects": "Project", "cloudresourcemanager folders": "Folder",
	"cloudresourcemanager organizations": "Organization",
	"secretmanager secrets":              "Secret", "secretmanager versions": "SecretVersion",
	"pubsub topics": "Topic", "pubsub subscriptions": "Subscription",
	"iam serviceAccounts": "ServiceAccount", "iam roles": "Role",
	"storage buckets": "Bucket", "logging sinks": "LogSink",
	"cloudscheduler jobs": "Job", "eventarc triggers": "Trigger",
}

// global are the types that have another name where they are global.
var global = map[string]string{"ForwardingRule": "GlobalForwardingRule", "Address": "GlobalAddress"}

// resources are all resources whose types are known, by name.
func resources(s *apiserver.Server) []asset {
	var all []asset
	state := s.State()
	for key, each := range state {
		api, _ := each.(map[string]any)
		for name, resource := range api {
			body, _ := resource.(map[string]any)
			assetType := typeOf(key, name)
			if body == nil || assetType == "" {
				continue
			}
			all = append(all, asset{name: name, result: resultOf(key+".googleapis.com/", assetType, name, body)})
		}
	}
	slices.SortFunc(all, byName)
	return all
}

func byName(a, b asset) int {
	return cmp.Compare(apiserver.Text(a.result, "name")+apiserver.Text(a.result, "resource"),
		apiserver.Text(b.result, "name")+apiserver.Text(b.result, "resource"))
}

// typeOf is the type of a resource within its API, "" = it is not known.
func typeOf(api, name string) string {
	segments := strings.Split(name, "/")
	if len(segments) < 2 {
		return ""
	}
	found := types[api+" "+segments[len(segments)-2]]
	if other := global[found]; other != "" && strings.Contains(name, "/global/") {
		return other
	}
	return found
}

func resultOf(service, assetType, name string, body map[string]any) map[string]any {
	result := map[string]any{"name": "//" + service + name, "assetType": service + assetType, "location": locationOf(name),
		"displayName": cmp.Or(apiserver.Text(body, "displayName"), name[strings.LastIndexByte(name, '/')+1:])}
	for field, from := range map[string]string{"description": "description", "createTime": "createTime",
		"updateTime": "updateTime", "state": "state"} {
		if text := apiserver.Text(body, from); text != "" {
			result[field] = text
		}
	}
	if labels := apiserver.Object(body, "labels"); len(labels) > 0 {
		result["labels"] = apiserver.Clone(labels)
	}
	return result
}

// locationOf is the region or the location that a name has, or global.
func locationOf(name string) string {
	segments := strings.Split(name, "/")
	for i, segment := range segments[:len(segments)-1] {
		if segment == "locations" || segment == "regions" {
			return segments[i+1]
		}
	}
	return "global"
}

// policies are the IAM policies of all resources that have one, by the resource's name.
func policies(s *apiserver.Server) []asset {
	known := map[string]map[string]any{}
	for _, each := range resources(s) {
		known[each.name] = each.result
	}
	var all []asset
	set, _ := s.State()["iamPolicies"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		policy, _ := set[name].(map[string]any)
		full, assetType := apiserver.Text(known[name], "name"), apiserver.Text(known[name], "assetType")
		if _, web, ok := strings.Cut(name, "/iap_web"); ok {
			full, assetType = "//iap.googleapis.com/"+name, "iap.googleapis.com/"+map[int]string{0: "Web", 1: "WebType"}[strings.Count(web, "/")]
			if strings.Contains(web, "/services/") {
				assetType = "iap.googleapis.com/WebService"
			}
		}
		if bindings := apiserver.List(policy, "bindings"); full != "" && len(bindings) > 0 {
			all = append(all, asset{name: name, bindings: bindings,
				result: map[string]any{"resource": full, "assetType": assetType}})
		}
	}
	return all
}
