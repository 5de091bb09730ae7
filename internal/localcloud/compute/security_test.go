package compute_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rules are the priorities and actions of a policy's rules.
func (c *cloud) rules(path string) (all []string) {
	c.t.Helper()
	rules, _ := c.must("GET", path, "")["rules"].([]any)
	for _, entry := range rules {
		rule := entry.(map[string]any)
		all = append(all, fmt.Sprint(rule["priority"], " ", rule["action"]))
	}
	return all
}

func TestASecurityPolicyHasRulesByPriority(t *testing.T) {
	const match = `"match":{"versionedExpr":"SRC_IPS_V1","config":{"srcIpRanges":["192.0.2.0/24"]}}`
	for _, scope := range []string{"global", "regions/us-central1"} {
		c := newCloud(t)
		path := scope + "/securityPolicies/p"
		c.must("POST", scope+"/securityPolicies", `{"name":"p"}`)
		if diff := cmp.Diff([]string{"2147483647 allow"}, c.rules(path)); diff != "" {
			t.Errorf("%s: the default rule (-want +got):\n%s", scope, diff)
		}
		before := c.must("GET", path, "")["fingerprint"]
		for _, step := range []struct {
			what, body, operation string
			want                  []string
		}{
			{"addRule", `{"action":"deny(403)","priority":1000,` + match + `}`, "AddRule", []string{"1000 deny(403)", "2147483647 allow"}},
			{"addRule", `{"action":"allow",` + match + `}`, "AddRule", []string{"0 allow", "1000 deny(403)", "2147483647 allow"}},
			{"patchRule?priority=1000", `{"action":"deny(404)"}`, "PatchRule", []string{"0 allow", "1000 deny(404)", "2147483647 allow"}},
			{"patchRule?priority=2147483647", `{"action":"deny(502)"}`, "PatchRule",
				[]string{"0 allow", "1000 deny(404)", "2147483647 deny(502)"}},
			{"patchRule?priority=1000", `{"priority":7}`, "PatchRule", []string{"0 allow", "7 deny(404)", "2147483647 deny(502)"}},
			{"removeRule?priority=7", "", "RemoveRule", []string{"0 allow", "2147483647 deny(502)"}},
		} {
			operation := c.must("POST", path+"/"+step.what, step.body)
			if diff := cmp.Diff(step.want, c.rules(path)); diff != "" || operation["operationType"] != step.operation {
				t.Errorf("%s: %s %s: %v (-want +got):\n%s", scope, step.what, step.body, operation["operationType"], diff)
			}
		}
		if c.must("GET", path, "")["fingerprint"] == before {
			t.Errorf("%s: other rules leave the fingerprint", scope)
		}
		want := map[string]any{
			"kind": "compute#securityPolicyRule", "action": "allow", "description": "", "preview": false, "priority": json.Number("0"),
			"match": map[string]any{"versionedExpr": "SRC_IPS_V1", "config": map[string]any{"srcIpRanges": []any{"192.0.2.0/24"}}},
		}
		if diff := cmp.Diff(want, c.must("GET", path+"/getRule?priority=0", "")); diff != "" {
			t.Errorf("%s: getRule (-want +got):\n%s", scope, diff)
		}
		for _, step := range []struct{ verb, what, body, message string }{
			{"POST", "addRule", `{"action":"allow","priority":0,` + match + `}`,
				"Invalid value for field 'resource.priority': '0'. Cannot have rules with the same priorities."},
			{"POST", "addRule", `{"priority":5,` + match + `}`, "Required field 'resource.rules[2].action' not specified"},
			{"POST", "addRule", `{"action":"allow","priority":5}`, "Required field 'resource.rules[2].match' not specified"},
			{"POST", "addRule", `{"action":"allow","priority":-1,` + match + `}`, "must be between 0 and 2147483647"},
			{"POST", "addRule", `{"action":"allow","priority":"high",` + match + `}`, "'resource.priority': 'high'"},
			{"POST", "patchRule?priority=8", `{"action":"allow"}`,
				"Invalid value for field 'priority': '8'. The security policy does not contain a rule at priority 8."},
			{"POST", "removeRule?priority=8", "", "does not contain a rule at priority 8."},
			{"POST", "removeRule?priority=2147483647", "", "The default rule cannot be removed."},
			{"GET", "getRule?priority=x", "", "'priority': 'x'"},
			{"GET", "getRule?priority=8", "", "does not contain a rule at priority 8."},
		} {
			if status, message, _ := c.refused(step.verb, path+"/"+step.what, step.body); status != 400 ||
				!strings.Contains(message, step.message) {
				t.Errorf("%s: %s %s: %d %q, want %q", scope, step.what, step.body, status, message, step.message)
			}
		}
		if diff := cmp.Diff([]string{"0 allow", "2147483647 deny(502)"}, c.rules(path)); diff != "" {
			t.Errorf("%s: after what was refused (-want +got):\n%s", scope, diff)
		}
	}
}

func TestAPatchClearsTheFieldsOfItsMaskThatItLacks(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/securityPolicies", `{"name":"p","description":"d","advancedOptionsConfig":{"jsonParsing":"STANDARD","logLevel":"VERBOSE"}}`)
	c.must("PATCH", "global/securityPolicies/p?updateMask=advancedOptionsConfig.jsonParsing,description", `{"description":"new"}`)
	got := c.must("GET", "global/securityPolicies/p", "")
	if diff := cmp.Diff(map[string]any{"logLevel": "VERBOSE"}, got["advancedOptionsConfig"]); diff != "" || got["description"] != "new" {
		t.Errorf("%v (-want +got):\n%s", got["description"], diff)
	}
	if status, message, _ := c.refused("PATCH", "global/securityPolicies/p?updateMask=nonsense", `{}`); status != 400 {
		t.Errorf("an unknown path: %d %q, want 400", status, message)
	}
}

func TestPoliciesAreAttachedAndHeld(t *testing.T) {
	c := newCloud(t)
	c.chain()
	c.must("POST", "global/backendBuckets", `{"name":"bb","bucketName":"pictures"}`)
	for _, tc := range []struct{ collection, body, of, method, field string }{
		{"securityPolicies", `{"name":"p"}`, "backendServices/be", "setSecurityPolicy", "securityPolicy"},
		{"securityPolicies", `{"name":"p","type":"CLOUD_ARMOR_EDGE"}`, "backendServices/be", "setEdgeSecurityPolicy", "edgeSecurityPolicy"},
		{"securityPolicies", `{"name":"p","type":"CLOUD_ARMOR_EDGE"}`, "backendBuckets/bb", "setEdgeSecurityPolicy", "edgeSecurityPolicy"},
		{"sslPolicies", `{"name":"p"}`, "targetHttpsProxies/thp", "setSslPolicy", "sslPolicy"},
	} {
		sent := "securityPolicy"
		if tc.collection == "sslPolicies" {
			sent = "sslPolicy"
		}
		policy, path := "global/"+tc.collection+"/p", "global/"+tc.of
		c.must("POST", "global/"+tc.collection, tc.body)
		if status, _, _ := c.refused("POST", path+"/"+tc.method, `{"`+sent+`":"global/`+tc.collection+`/none"}`); status != 404 {
			t.Errorf("%s to nothing: %d, want 404", tc.method, status)
		}
		c.must("POST", path+"/"+tc.method, `{"`+sent+`":"`+policy+`"}`)
		if got := c.must("GET", path, "")[tc.field]; got != googleLink+policy {
			t.Errorf("%s: %s is %v", tc.method, tc.field, got)
		}
		if _, message, _ := c.refused("DELETE", policy, ""); !strings.Contains(message, "is already being used by") {
			t.Errorf("%s: deleting it: %q", tc.method, message)
		}
		c.must("POST", path+"/"+tc.method, `{}`)
		if got := c.must("GET", path, "")[tc.field]; got != nil {
			t.Errorf("%s of nothing: %s is %v", tc.method, tc.field, got)
		}
		c.must("DELETE", policy, "")
	}
}

func TestAnSSLPolicyHasTheFeaturesOfItsProfile(t *testing.T) {
	c := newCloud(t)
	features := func(path string) int {
		all, _ := c.must("GET", path, "")["enabledFeatures"].([]any)
		return len(all)
	}
	for profile, want := range map[string]int{"COMPATIBLE": 15, "MODERN": 10, "RESTRICTED": 6, "FIPS_202205": 4} {
		name := strings.ToLower(strings.ReplaceAll(profile, "_", "-"))
		c.must("POST", "global/sslPolicies", `{"name":"`+name+`","profile":"`+profile+`","minTlsVersion":"TLS_1_2"}`)
		if got := features("global/sslPolicies/" + name); got != want {
			t.Errorf("%s: %d features, want %d", profile, got, want)
		}
	}
	c.must("POST", "global/sslPolicies", `{"name":"p"}`)
	if got := c.must("GET", "global/sslPolicies/p", ""); got["profile"] != "COMPATIBLE" || got["minTlsVersion"] != "TLS_1_0" {
		t.Errorf("by default: %v %v", got["profile"], got["minTlsVersion"])
	}
	patched := c.must("PATCH", "global/sslPolicies/p", `{"profile":"CUSTOM","customFeatures":["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}`)
	if got := features("global/sslPolicies/p"); got != 1 || patched["operationType"] != "compute.sslPolicies.patch" {
		t.Errorf("custom: %d features, operation %v", got, patched["operationType"])
	}
	for body, want := range map[string]string{
		`{"name":"x","profile":"CUSTOM"}`:                                "at least one feature",
		`{"name":"x","customFeatures":["TLS_RSA_WITH_AES_128_CBC_SHA"]}`: "only allowed with the CUSTOM profile",
		`{"name":"x","profile":"CUSTOM","customFeatures":["ROT13"]}`:     "'resource.customFeatures': 'ROT13'",
	} {
		if status, message, _ := c.refused("POST", "global/sslPolicies", body); status != 400 || !strings.Contains(message, want) {
			t.Errorf("%s: %d %q, want %q", body, status, message, want)
		}
	}
	for _, scope := range []string{"global", "regions/us-central1"} {
		if all, _ := c.must("GET", scope+"/sslPolicies/listAvailableFeatures", "")["features"].([]any); len(all) != 15 {
			t.Errorf("%s: %d available features", scope, len(all))
		}
	}
}
