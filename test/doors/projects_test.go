package doors

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/playground"
)

// host is a project whose load balancers lead to services of the playground's.
var host = apiserver.NewProject("host-project")

var hostAgent = "serviceAccount:" + host.IAPAgent()

// provisionHost makes IAP's agent of the host project.
func provisionHost(o *fixture) {
	o.call("POST", "/v1beta1/projects/"+host.ID+"/services/iap.googleapis.com:generateServiceIdentity", nil)
}

// apiOffInHost turns an API off in the host project alone.
func apiOffInHost(api string) func(*fixture) {
	return func(o *fixture) {
		o.call("POST", "/v1/projects/"+host.ID+"/services/"+api+".googleapis.com:disable",
			map[string]any{"disableDependentServices": true})
	}
}

func TestALoadBalancerOfAnotherProjectLeadsToAService(t *testing.T) {
	const byIAP, byBackend = "handled_by_identity_aware_proxy", "response_sent_by_backend"
	ofHost := "/v1/projects/" + host.Number + "/iap_web"
	both := []string{"projects/demo-project", "projects/host-project"}
	alone := []string{"projects/host-project"}
	for _, tc := range []struct {
		name       string
		ofFrontend bool // the agent
		setup      []func(*fixture)
		who        string
		status     int
		details    string
		logs       []string // whose, in the order of writing
	}{
		{"a stranger at a public service", false, nil, "", 200, byBackend, both},
		{"a stranger where IAP is on", false, all(protected), "", 302, byIAP, alone},
		{"somebody who may pass", false, all(protected), alice, 200, byBackend, both},
		{"somebody who may not", false, all(protected), bob, 403, byIAP, alone},
		{"granted at IAP of the service's project", false, all(protected, accessAt("/v1/projects/"+number+"/iap_web")), bob, 200,
			byBackend, both},
		{"granted at IAP of the host project", false, all(protected, accessAt(ofHost)), bob, 403, byIAP, alone},
		{"granted by the host project", false, all(protected, accessAt("/v3/projects/"+host.ID)), bob, 403, byIAP, alone},
		{"the agent of the host project may not invoke", true, all(protected, provisionHost), alice, 403, byBackend, both},
		{"the agent of the host project may", true, all(protected, provisionHost, invokers(hostAgent)),
			alice, 200, byBackend, both},
		{"only the agent of the host project exists", true, all(provisionHost, invokers(hostAgent),
			accessors(alice), iapOn), alice, 200, byBackend, both},
		{"the agent of the host project does not exist", true, all(protected), alice, 500, byIAP, alone},
		{"Compute Engine is off in the host project", false, all(protected, apiOffInHost("compute")), alice, 200, byBackend, both},
		{"IAP is off in the host project", false, all(protected, apiOffInHost("iap")), alice, 200, byBackend, both},
	} {
		t.Run(tc.name, func(t *testing.T) {
			service := global
			service.Frontend = host.ID
			o := build(t, service, playground.Options{Projects: []apiserver.Project{host}, Beliefs: belief.Beliefs{IAPAgentOfFrontend: tc.ofFrontend}})
			logsOn(o)
			for _, do := range tc.setup {
				do(o)
			}
			got := o.visit(o.at(visit{who: tc.who}))
			if got.status != tc.status {
				t.Errorf("answered %d %s, want %d", got.status, got.body, tc.status)
			}
			var owners []string
			var last logEntry
			for _, raw := range got.raw {
				last = logEntry{}
				if err := json.Unmarshal(raw, &last); err != nil {
					t.Fatal(err)
				}
				owners = append(owners, "projects/"+last.Resource.Labels["project_id"])
			}
			if diff := cmp.Diff(tc.logs, owners); diff != "" {
				t.Errorf("whose entries (-want +got):\n%s", diff)
			}
			want := logEntry{LogName: "projects/host-project/logs/requests"}
			want.JSONPayload.StatusDetails, want.JSONPayload.BackendTargetProjectNumber = tc.details, "projects/"+number
			want.Resource.Labels = last.Resource.Labels
			if diff := cmp.Diff(want, last); diff != "" {
				t.Errorf("the load balancer's entry (-want +got):\n%s", diff)
			}
		})
	}
}

// logEntry is what of a load balancer's log entry says which project it is about.
type logEntry struct {
	LogName     string
	JSONPayload struct{ StatusDetails, BackendTargetProjectNumber string }
	Resource    struct{ Labels map[string]string }
}

func TestAnAuthorizationPolicyIsThatOfTheFrontendsProject(t *testing.T) {
	service := global
	service.Frontend = host.ID
	o := build(t, service, playground.Options{Projects: []apiserver.Project{host}, Beliefs: belief.Beliefs{IAPAgentOfFrontend: true}})
	provisionHost(o)
	rules := o.call("GET", "/compute/v1/projects/"+host.ID+"/global/forwardingRules/hello-https", nil)
	o.call("POST", "/v1/projects/"+host.ID+"/locations/global/authzPolicies?authzPolicyId=sign-in", map[string]any{
		"action": "CUSTOM", "customProvider": map[string]any{"cloudIap": map[string]any{}},
		"target": map[string]any{"loadBalancingScheme": "EXTERNAL_MANAGED", "resources": []any{rules["selfLink"]}}})
	invokers(hostAgent)(o)
	at := "/v1/projects/" + host.Number + "/iap_web/forwarding_rule/services/hello-https"
	o.setPolicy(at, "roles/iap.httpsResourceAccessor", []any{alice})
	for who, want := range map[string]int{"": 302, alice: 200, bob: 403} {
		if got := o.visit(o.at(visit{who: who})); got.status != want {
			t.Errorf("%q: %d %s, want %d", who, got.status, got.body, want)
		}
	}
}
