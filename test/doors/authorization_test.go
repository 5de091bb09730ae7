package doors

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
)

const authzPolicies = "/v1/projects/" + playground.Project + "/locations/global/authzPolicies"

// authorize creates an authorization policy at the fixture's HTTPS forwarding rule.
func authorize(id, policy string) func(*fixture) {
	return func(o *fixture) {
		var body map[string]any
		if err := json.Unmarshal([]byte(policy), &body); err != nil {
			o.t.Fatal(err)
		}
		body["target"] = map[string]any{"loadBalancingScheme": "EXTERNAL_MANAGED", "resources": []any{
			"https://www.googleapis.com/compute/v1/projects/" + playground.Project + "/global/forwardingRules/" + o.Service + "-https"}}
		o.call("POST", authzPolicies+"?authzPolicyId="+id, body)
	}
}

// atRule lets members pass IAP at the forwarding rule.
func atRule(members ...any) func(*fixture) {
	return func(o *fixture) {
		o.setPolicy("/v1/"+web+"/forwarding_rule/services/"+o.Service+"-https", "roles/iap.httpsResourceAccessor", members)
	}
}

func TestAuthorizationPoliciesDecideAtAForwardingRule(t *testing.T) {
	const (
		iap    = `{"action":"CUSTOM","customProvider":{"cloudIap":{}}}`
		iapIf  = `{"action":"CUSTOM","customProvider":{"cloudIap":{}},"httpRules":[RULE]}`
		both   = "500 ?"
		denies = "404 by ingress"
	)
	when := func(rule string) func(*fixture) { return authorize("p", strings.Replace(iapIf, "RULE", rule, 1)) }
	guarded := all(provision, atRule(alice), invokers(agent))
	post := visit{method: "POST"}
	admin := visit{path: "/admin/x"}
	address := with("X-Local-Address", "10.0.0.7")
	for _, tc := range []struct {
		name    string
		setup   []func(*fixture)
		callers []caller
	}{
		{"IAP is asked", all(authorize("p", iap)), []caller{{visit{}, signIn}, {as(bob), denied}, {as(alice), inside}}},
		{"the backend service's accessors do not count", all(authorize("p", iap), accessors(bob)),
			[]caller{{as(bob), denied}}},
		{"access is inherited from the type", all(authorize("p", iap), func(o *fixture) {
			o.setPolicy("/v1/"+web+"/forwarding_rule", "roles/iap.httpsResourceAccessor", []any{bob})
		}), []caller{{as(bob), inside}}},
		{"settings are those of the forwarding rule", all(authorize("p", iap),
			settings(web+"/forwarding_rule/services/hello-https", cors)),
			[]caller{{visit{method: "OPTIONS"}, inside}}},
		{"IAP at the backend service too fails everybody", all(authorize("p", iap), iapOn),
			[]caller{{as(alice), both}, {visit{}, both}}},
		{"IAP at the service too fails everybody", all(authorize("p", iap), iapOnService), []caller{{as(alice), both}}},
		{"the agent needs its grant", all(authorize("p", iap), invokers(bob)), []caller{{as(alice), "403 by Cloud Run"}}},
		{"the default URL has another guard", all(authorize("p", iap), invokers("allUsers")),
			[]caller{{visit{host: "run"}, inside}}},
		{"a policy can be about addresses", all(invokers("allUsers"),
			when(`{"from":{"sources":[{"ipBlocks":[{"prefix":"10.0.0.0","length":24}]}]}}`)),
			[]caller{{address, signIn}, {visit{}, inside}}},
		{"and about all but some", all(invokers("allUsers"),
			when(`{"from":{"notSources":[{"ipBlocks":[{"prefix":"10.0.0.0","length":24}]}]}}`)),
			[]caller{{address, inside}, {visit{}, signIn}}},
		{"a policy can be about paths", all(invokers("allUsers"),
			when(`{"to":{"operations":[{"paths":[{"prefix":"/ADMIN","ignoreCase":true}]}]}}`)),
			[]caller{{admin, signIn}, {visit{}, inside}}},
		{"and about methods", all(invokers("allUsers"), when(`{"to":{"notOperations":[{"methods":["POST"]}]}}`)),
			[]caller{{post, inside}, {visit{}, signIn}}},
		{"and about hosts and headers", all(invokers("allUsers"), when(
			`{"to":{"operations":[{"hosts":[{"suffix":"example.com"}],"headerSet":{"headers":[{"name":"X-A","value":{"exact":"b"}}]}}]}}`)),
			[]caller{{with("X-A", "b"), signIn}, {visit{}, inside}}},
		{"a policy denies", all(invokers("allUsers"),
			authorize("d", `{"action":"DENY","httpRules":[{"to":{"operations":[{"methods":["POST"]}]}}]}`)),
			[]caller{{post, denies}, {visit{}, inside}}},
		{"a policy allows and nothing else passes", all(invokers("allUsers"),
			authorize("a", `{"action":"ALLOW","httpRules":[{"to":{"operations":[{"methods":["POST"]}]}}]}`)),
			[]caller{{post, inside}, {visit{}, denies}}},
		{"nothing passes by default", all(invokers("allUsers"), authorize("d", `{"action":"DENY_BY_DEFAULT"}`)),
			[]caller{{visit{}, denies}}},
		{"a deleted policy decides nothing", all(invokers("allUsers"), authorize("p", iap), func(o *fixture) {
			o.call("DELETE", authzPolicies+"/p", nil)
		}), []caller{{visit{}, inside}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			for _, do := range append(append(all(), guarded...), tc.setup...) {
				do(o)
			}
			for _, c := range tc.callers {
				if diff := cmp.Diff(c.want, o.outcome(c.visit)); diff != "" {
					t.Errorf("%+v (-want +got):\n%s", c.visit, diff)
				}
			}
		})
	}
}

func TestAnAuthorizationPolicyIsLoggedAndAudited(t *testing.T) {
	o := build(t, global, playground.Options{})
	for _, do := range all(logsOn, provision, atRule(alice), invokers(agent),
		authorize("p", `{"action":"CUSTOM","customProvider":{"cloudIap":{}}}`)) {
		do(o)
	}
	want := []string{lbLog + "403 WARNING denied_by_cloud_iap"}
	if diff := cmp.Diff(want, o.visit(visit{host: o.Host, who: bob}).logs); diff != "" {
		t.Errorf("log entries (-want +got):\n%s", diff)
	}
	o.call("PATCH", authzPolicies+"/p?updateMask=description", map[string]any{"description": "IAP"})
	if got := o.call("GET", authzPolicies, nil)["authzPolicies"].([]any)[0].(map[string]any); got["description"] != "IAP" {
		t.Errorf("listed as %v", got)
	}
	filter, err := logging.ParseFilter(`protoPayload.serviceName="networksecurity.googleapis.com" AND protoPayload.request:*`)
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, raw := range o.Cloud.Logs().Entries(filter) {
		var entry struct {
			ProtoPayload struct{ MethodName, ResourceName string }
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			t.Fatal(err)
		}
		methods = append(methods, entry.ProtoPayload.MethodName+" "+entry.ProtoPayload.ResourceName)
	}
	const service = "google.cloud.networksecurity.v1.NetworkSecurity."
	name := strings.TrimPrefix(authzPolicies, "/v1/") + "/p"
	if diff := cmp.Diff([]string{service + "CreateAuthzPolicy " + name, service + "UpdateAuthzPolicy " + name}, methods); diff != "" {
		t.Errorf("audit entries (-want +got):\n%s", diff)
	}
}
