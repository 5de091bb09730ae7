package compute_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func names(list map[string]any) []string {
	var all []string
	items, _ := list["items"].([]any)
	for _, item := range items {
		all = append(all, item.(map[string]any)["name"].(string))
	}
	return all
}

func TestListsArePagedAndFiltered(t *testing.T) {
	c := newCloud(t)
	for _, name := range []string{"c", "a", "b"} {
		c.must("POST", "global/backendServices", `{"name":"`+name+`","description":"about `+name+`"}`)
	}
	c.must("POST", "regions/us-central1/backendServices", `{"name":"elsewhere"}`)
	for filter, want := range map[string][]string{
		"":                        {"a", "b", "c"},
		"name=b":                  {"b"},
		`name = "b"`:              {"b"},
		"name eq b":               {"b"},
		"name eq [ab]":            {"a", "b"},
		"name ne b":               {"a", "c"},
		"name!=b":                 {"a", "c"},
		"(name != b) (name != c)": {"a"},
		"name != b AND name != c": {"a"},
		`description="about c"`:   {"c"},
		"description:ABOUT":       {"a", "b", "c"},
		"connectionDraining.drainingTimeoutSec=0 name=a": {"a"},
		"securityPolicy:*": nil,
		"name=zzz":         nil,
	} {
		got := names(c.must("GET", "global/backendServices?filter="+url.QueryEscape(filter), ""))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", filter, diff)
		}
	}
	first := c.must("GET", "global/backendServices?maxResults=2", "")
	token, _ := first["nextPageToken"].(string)
	second := c.must("GET", "global/backendServices?maxResults=2&pageToken="+url.QueryEscape(token), "")
	if diff := cmp.Diff([]string{"a", "b", "c"}, append(names(first), names(second)...)); diff != "" ||
		second["nextPageToken"] != nil {
		t.Errorf("two pages (-want +got):\n%s; then %v", diff, second["nextPageToken"])
	}
	for _, query := range []string{"filter=name", "filter=name+eq+%5B", "maxResults=501", "maxResults=x",
		"pageToken=%21"} {
		if status, _, _ := c.refused("GET", "global/backendServices?"+query, ""); status != 400 {
			t.Errorf("%s: %d, want 400", query, status)
		}
	}
}

func TestAnAggregatedListHasEveryScope(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	c.must("POST", "regions/europe-west1/backendServices", `{"name":"rbe"}`)
	list := c.must("GET", "aggregated/backendServices?includeAllScopes=True&maxResults=500&returnPartialSuccess=True", "")
	if list["kind"] != "compute#backendServiceAggregatedList" ||
		list["id"] != "projects/demo-project/aggregated/backendServices" {
		t.Errorf("head of the list: %v %v", list["kind"], list["id"])
	}
	scopes := list["items"].(map[string]any)
	for scope, want := range map[string]string{"global": "be", "regions/europe-west1": "rbe"} {
		found := scopes[scope].(map[string]any)["backendServices"].([]any)
		if len(found) != 1 || found[0].(map[string]any)["name"] != want {
			t.Errorf("%s: %v, want %s", scope, found, want)
		}
	}
	empty := scopes["regions/us-east1"].(map[string]any)
	if empty["backendServices"] != nil || empty["warning"].(map[string]any)["code"] != "NO_RESULTS_ON_PAGE" {
		t.Errorf("an empty scope: %v", empty)
	}
}

func TestOperationsAreListedByScopeAndAltogether(t *testing.T) {
	c := newCloud(t)
	one := c.must("POST", "global/backendServices", `{"name":"be"}`)["name"]
	two := c.must("POST", "regions/europe-west1/backendServices", `{"name":"rbe"}`)["name"]
	scopes := c.must("GET", "aggregated/operations", "")["items"].(map[string]any)
	for scope, want := range map[string]any{"global": one, "regions/europe-west1": two} {
		if diff := cmp.Diff([]string{want.(string)}, names(c.must("GET", scope+"/operations", ""))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
		found := scopes[scope].(map[string]any)["operations"].([]any)
		if len(found) != 1 || found[0].(map[string]any)["name"] != want {
			t.Errorf("%s of all: %v, want %v", scope, found, want)
		}
	}
}

func TestRegionsAreListedAndRead(t *testing.T) {
	c := newCloud(t)
	if all := names(c.must("GET", "regions", "")); len(all) < 30 || !slices.Contains(all, "us-central1") {
		t.Errorf("regions: %v", all)
	}
	if got := c.must("GET", "regions/europe-west1", ""); got["name"] != "europe-west1" || got["status"] != "UP" {
		t.Errorf("a region: %v", got)
	}
	if status, _, _ := c.refused("GET", "regions/moon-east1", ""); status != 404 {
		t.Errorf("an unknown region: %d, want 404", status)
	}
}

func TestABackendServiceKnowsWhoUsesIt(t *testing.T) {
	c := newCloud(t)
	c.chain()
	want := []any{map[string]any{"reference": googleLink + "global/urlMaps/um"}}
	if diff := cmp.Diff(want, c.must("GET", "global/backendServices/be", "")["usedBy"]); diff != "" {
		t.Errorf("usedBy (-want +got):\n%s", diff)
	}
	address := c.must("GET", "global/addresses/ip", "")
	if address["status"] != "IN_USE" || address["users"].([]any)[0] != googleLink+"global/forwardingRules/fr" {
		t.Errorf("the address: %v", address)
	}
	rule := c.must("GET", "global/forwardingRules/fr", "")
	if rule["IPAddress"] != address["address"] || rule["portRange"] != "443-443" {
		t.Errorf("the forwarding rule: %v", rule)
	}
}

func TestASecondURLMapOnAProxyReplacesTheFirst(t *testing.T) {
	c := newCloud(t)
	c.chain()
	c.must("POST", "global/urlMaps", `{"name":"um2","defaultService":"global/backendServices/be"}`)
	operation := c.must("POST", "targetHttpsProxies/thp/setUrlMap", `{"urlMap":"global/urlMaps/um2"}`)
	if operation["operationType"] != "SetUrlMap" {
		t.Errorf("operationType %v", operation["operationType"])
	}
	if got := c.must("GET", "global/targetHttpsProxies/thp", "")["urlMap"]; !strings.HasSuffix(got.(string), "/um2") {
		t.Errorf("urlMap %v", got)
	}
	c.must("DELETE", "global/urlMaps/um", "")
}

func TestABackendServiceHasAPolicyOfItsOwn(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	if got := c.must("GET", "global/backendServices/be/getIamPolicy", ""); got["etag"] != "ACAB" {
		t.Errorf("never set: %v", got)
	}
	c.must("POST", "global/backendServices/be/setIamPolicy",
		`{"policy":{"bindings":[{"role":"roles/viewer","members":["user:a@example.com"]}]}}`)
	if got := c.must("GET", "global/backendServices/be/getIamPolicy", ""); len(got["bindings"].([]any)) != 1 {
		t.Errorf("after setting: %v", got)
	}
	records := c.audit()
	last := records[len(records)-1]
	if last.Method != "v1.compute.backendServices.setIamPolicy" || last.Operation != nil {
		t.Errorf("record %s with operation %v, want one without", last.Method, last.Operation)
	}
	c.must("DELETE", "global/backendServices/be", "")
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	if got := c.must("GET", "global/backendServices/be/getIamPolicy", ""); got["etag"] != "ACAB" {
		t.Errorf("a new backend service of the same name: %v, want a policy that was never set", got)
	}
}
