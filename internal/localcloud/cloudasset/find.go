package cloudasset

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

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

// resources are all resources whose types are known, by name, without those that were made since
// the inventory was taken.
func resources(s *apiserver.Server) []asset {
	var all []asset
	state, taken := s.State(), s.Inventoried()
	for key, each := range state {
		api, _ := each.(map[string]any)
		for name, resource := range api {
			body, _ := resource.(map[string]any)
			assetType := typeOf(key, name)
			if body == nil || assetType == "" || madeAfter(body, taken) {
				continue
			}
			all = append(all, asset{name: name, result: resultOf(key+".googleapis.com/", assetType, name, body)})
		}
	}
	slices.SortFunc(all, byName)
	return all
}

func madeAfter(body map[string]any, taken time.Time) bool {
	made, err := time.Parse(time.RFC3339Nano, cmp.Or(apiserver.Text(body, "createTime"), apiserver.Text(body, "creationTimestamp")))
	return err == nil && made.After(taken)
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

// searchable are the IAM policies that are searched: those of IAP are not.
// Source: asset-inventory/docs/asset-types, "Not available in the analysis and search APIs".
func searchable(s *apiserver.Server) []asset {
	return slices.DeleteFunc(policies(s), func(a asset) bool {
		return strings.HasPrefix(apiserver.Text(a.result, "assetType"), "iap.googleapis.com/")
	})
}

// policies are the IAM policies of all resources that have one, by the resource's name, as they
// were when the inventory was taken.
func policies(s *apiserver.Server) []asset {
	named := map[string]map[string]any{}
	for _, each := range resources(s) {
		named[each.name] = each.result
	}
	var all []asset
	set := s.PoliciesAt(s.Inventoried())
	for _, name := range slices.Sorted(maps.Keys(set)) {
		policy := set[name]
		found := asset{name: name, policy: policy, bindings: apiserver.List(policy, "bindings"), updated: writtenAt(policy)}
		full, assetType := apiserver.Text(named[name], "name"), apiserver.Text(named[name], "assetType")
		if _, web, ok := strings.Cut(name, "/iap_web"); ok {
			full, assetType = "//iap.googleapis.com/"+name, "iap.googleapis.com/"+map[int]string{0: "Web", 1: "WebType"}[strings.Count(web, "/")]
			if strings.Contains(web, "/services/") {
				assetType = "iap.googleapis.com/WebService"
			}
		}
		found.result = map[string]any{"resource": full, "assetType": assetType}
		if full != "" && len(found.bindings) > 0 {
			all = append(all, found)
		}
	}
	return all
}

// writtenAt is when a policy was written, as its etag has it, "" = nobody wrote it.
func writtenAt(policy map[string]any) string {
	etag, err := base64.StdEncoding.DecodeString(apiserver.Text(policy, "etag"))
	if err != nil || len(etag) != 8 {
		return ""
	}
	etag[0] = 0
	return time.UnixMicro(int64(binary.BigEndian.Uint64(etag))).UTC().Format(time.RFC3339Nano)
}
