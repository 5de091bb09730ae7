package orgpolicy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	orgpolicy "google.golang.org/api/orgpolicy/v2"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

const (
	project = "projects/demo-project"
	org     = "organizations/987654321098"
)

type bench struct {
	t      *testing.T
	url    string
	client *orgpolicy.Service
}

func start(t *testing.T) *bench {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t)})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	b := &bench{t: t, url: server.URL}
	b.client = b.as(http.DefaultTransport)
	return b
}

func (b *bench) as(transport http.RoundTripper) *orgpolicy.Service {
	b.t.Helper()
	client, err := orgpolicy.NewService(b.t.Context(), option.WithEndpoint(b.url),
		option.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

// stranger calls as somebody without roles.
type stranger struct{}

func (stranger) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer user:stranger@example.com")
	return http.DefaultTransport.RoundTrip(r)
}

// call answers with the status and the error's text.
func (b *bench) call(verb, path, body string) (int, string) {
	b.t.Helper()
	request, err := http.NewRequest(verb, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Error struct{ Message string } }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, answer.Error.Message
}

// set writes a policy, whose spec is JSON, in place of the one that is there.
func (b *bench) set(parent, constraint, spec string) {
	b.t.Helper()
	name := parent + "/policies/" + constraint
	b.call("DELETE", "/v2/"+name, "")
	if status, text := b.call("POST", "/v2/"+parent+"/policies", fmt.Sprintf(`{"name": %q, "spec": %s}`, name, spec)); status != 200 {
		b.t.Fatalf("%s: %d %s", name, status, text)
	}
}

func TestAPolicyIsWrittenReadAndInherited(t *testing.T) {
	b := start(t)
	const name = "/policies/run.allowedIngress"
	effective := func() any {
		t.Helper()
		policy, err := b.client.Projects.Policies.GetEffectivePolicy(project + name).Do()
		if err != nil || len(policy.Spec.Rules) != 1 {
			t.Fatalf("%+v, %v, want one rule", policy, err)
		}
		if policy.Spec.Rules[0].Values == nil {
			return policy.Spec.Rules[0].AllowAll
		}
		return policy.Spec.Rules[0].Values.AllowedValues
	}
	values := func(all ...string) []*orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule {
		return []*orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule{
			{Values: &orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRuleStringValues{AllowedValues: all}}}
	}
	if diff := cmp.Diff(any(true), effective()); diff != "" {
		t.Errorf("without policies (-want +got):\n%s", diff)
	}
	above, err := b.client.Organizations.Policies.Create(org, &orgpolicy.GoogleCloudOrgpolicyV2Policy{Name: org + name,
		Spec: &orgpolicy.GoogleCloudOrgpolicyV2PolicySpec{Rules: values("internal")}}).Do()
	if err != nil || above.Etag == "" || above.Spec.UpdateTime == "" {
		t.Fatalf("made: %+v, %v", above, err)
	}
	if diff := cmp.Diff(any([]string{"internal"}), effective()); diff != "" {
		t.Errorf("the organization's (-want +got):\n%s", diff)
	}
	own, err := b.client.Projects.Policies.Create(project, &orgpolicy.GoogleCloudOrgpolicyV2Policy{Name: project + name,
		Spec: &orgpolicy.GoogleCloudOrgpolicyV2PolicySpec{InheritFromParent: true, Rules: values("all")}}).Do()
	if err != nil || own.Name != "projects/123456789012"+name {
		t.Fatalf("made: %+v, %v", own, err)
	}
	if diff := cmp.Diff(any([]string{"all", "internal"}), effective()); diff != "" {
		t.Errorf("both (-want +got):\n%s", diff)
	}
	own.Spec = &orgpolicy.GoogleCloudOrgpolicyV2PolicySpec{Reset: true}
	if own, err = b.client.Projects.Policies.Patch(own.Name, own).UpdateMask("policy.spec").Do(); err != nil || !own.Spec.Reset {
		t.Fatalf("reset: %+v, %v", own, err)
	}
	if diff := cmp.Diff(any(true), effective()); diff != "" {
		t.Errorf("reset (-want +got):\n%s", diff)
	}
	listed, err := b.client.Projects.Policies.List(project).Do()
	if err != nil || len(listed.Policies) != 1 || listed.Policies[0].Name != own.Name {
		t.Errorf("listed %+v, %v", listed, err)
	}
	own.Etag = "stale"
	var stale *googleapi.Error
	if _, err := b.client.Projects.Policies.Patch(own.Name, own).Do(); !errors.As(err, &stale) || stale.Code != 409 {
		t.Errorf("a stale etag: %v, want a 409", err)
	}
	if _, err := b.client.Projects.Policies.Delete(own.Name).Do(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(any([]string{"internal"}), effective()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	constraints, err := b.client.Organizations.Constraints.List(org).Do()
	if err != nil || len(constraints.Constraints) != 7 ||
		constraints.Constraints[0].Name != org+"/constraints/iam.allowedPolicyMemberDomains" {
		t.Errorf("constraints: %+v, %v", constraints, err)
	}
}

func TestAPolicyThatCannotBeIsRefused(t *testing.T) {
	b := start(t)
	const ingress = project + "/policies/run.allowedIngress"
	create := func(name, spec string) string { return fmt.Sprintf(`{"name": %q, "spec": %s}`, name, spec) }
	for _, tc := range []struct {
		name, verb, path, body string
		want                   int
	}{
		{"nothing in it", "POST", "/policies", create(ingress, `{}`), 400},
		{"an unknown constraint", "POST", "/policies", create(project+"/policies/run.colour", `{"reset": true}`), 400},
		{"another project's", "POST", "/policies", create("projects/other/policies/run.allowedIngress", `{"reset": true}`), 400},
		{"rules that are reset", "POST", "/policies", create(ingress, `{"reset": true, "rules": [{"allowAll": true}]}`), 400},
		{"an enforced list", "POST", "/policies", create(ingress, `{"rules": [{"enforce": true}]}`), 400},
		{"all and none", "POST", "/policies", create(ingress, `{"rules": [{"allowAll": true, "denyAll": true}]}`), 400},
		{"values of a switch", "POST", "/policies", create(project+"/policies/run.managed.requireInvokerIam",
			`{"rules": [{"values": {"allowedValues": ["x"]}}]}`), 400},
		{"an inherited switch", "POST", "/policies", create(project+"/policies/run.managed.requireInvokerIam",
			`{"inheritFromParent": true}`), 400},
		{"a field", "POST", "/policies", create(ingress, `{"colour": "red"}`), 400},
		{"a type", "POST", "/policies", create(ingress, `{"reset": "maybe"}`), 400},
		{"a missing one", "GET", "/policies/run.allowedIngress", "", 404},
		{"deleting a missing one", "DELETE", "/policies/run.allowedIngress", "", 404},
		{"in effect, of an unknown constraint", "GET", "/policies/run.colour:getEffectivePolicy", "", 404},
	} {
		if status, text := b.call(tc.verb, "/v2/"+project+tc.path, tc.body); status != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, status, text, tc.want)
		}
	}
	_, err := b.as(stranger{}).Projects.Policies.List(project).Do()
	if refused := (*googleapi.Error)(nil); !errors.As(err, &refused) || refused.Code != 403 {
		t.Errorf("without the permission: %v, want a 403", err)
	}
}

func TestOtherAPIsEnforceTheConstraints(t *testing.T) {
	b := start(t)
	const (
		services = "/v2/projects/demo-project/locations/us-central1/services"
		balanced = `"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", `
		image    = `"template": {"containers": [{"image": "i"}]}`
		backends = "/compute/v1/projects/demo-project/global/backendServices"
		web      = `"loadBalancingScheme": "EXTERNAL_MANAGED"`
	)
	must := func(verb, path, body string) {
		t.Helper()
		if status, text := b.call(verb, path, body); status != 200 {
			t.Fatalf("%s %s: %d %s", verb, path, status, text)
		}
	}
	must("POST", services+"?serviceId=open", `{`+image+`}`)
	must("POST", backends, `{"name": "on", `+web+`, "iap": {"enabled": true}}`)
	must("POST", backends, `{"name": "off", `+web+`}`)
	b.set(org, "run.allowedIngress", `{"rules": [{"values": {"allowedValues": ["is:internal", "internal-and-cloud-load-balancing"]}}]}`)
	b.set(org, "run.allowedVPCEgress", `{"rules": [{"values": {"allowedValues": ["all-traffic"]}}]}`)
	b.set(org, "run.managed.requireInvokerIam", `{"rules": [{"enforce": true}]}`)
	b.set(org, "iap.requireGlobalIapWebDisabled", `{"rules": [{"enforce": true}]}`)
	b.set(project, "iam.allowedPolicyMemberDomains", `{"rules": [{"values": {"allowedValues": ["C012345ab"]}}]}`)
	grant := func(member string) string {
		return fmt.Sprintf(`{"policy": {"bindings": [{"role": "roles/run.invoker", "members": [%q]},
			{"role": "roles/owner", "members": ["user:owner@example.com"]}]}}`, member)
	}
	const restricted = "One or more users named in the policy do not belong to a permitted customer"
	for _, tc := range []struct {
		name, verb, path, body string
		want                   int
		text                   string
	}{
		{"an open service", "POST", services + "?serviceId=a", `{` + image + `}`, 400, "constraints/run.allowedIngress"},
		{"one behind load balancers", "POST", services + "?serviceId=a", `{` + balanced + image + `}`, 200, ""},
		{"changing an open one", "PATCH", services + "/open?updateMask=description", `{"description": "x"}`, 400,
			"constraints/run.allowedIngress"},
		{"closing it", "PATCH", services + "/open?updateMask=ingress", `{"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}`, 200, ""},
		{"egress", "POST", services + "?serviceId=b", `{` + balanced + `"template": {"containers": [{"image": "i"}],
			"vpcAccess": {"connector": "projects/demo-project/locations/us-central1/connectors/c",
			"egress": "PRIVATE_RANGES_ONLY"}}}`, 400, "constraints/run.allowedVPCEgress"},
		{"no invoker check", "PATCH", services + "/a?updateMask=invokerIamDisabled", `{"invokerIamDisabled": true}`, 400,
			"invoker_iam_disabled is not currently available"},
		{"everybody may invoke", "POST", services + "/a:setIamPolicy", grant("allUsers"), 400,
			restricted + ",  perhaps due to an organization policy."},
		{"a member of the organization may", "POST", services + "/a:setIamPolicy", grant("user:alice@example.com"), 200, ""},
		{"a stranger in the project", "POST", "/v1/projects/demo-project:setIamPolicy", grant("user:a@elsewhere.example"), 400,
			restricted + "."},
		{"its own agents", "POST", services + "/a:setIamPolicy",
			grant("serviceAccount:123456789012-compute@developer.gserviceaccount.com"), 200, ""},
		{"IAP turned on", "PATCH", backends + "/off", `{"iap": {"enabled": true}}`, 412,
			"Constraint constraints/iap.requireGlobalIapWebDisabled violated for projects/demo-project."},
		{"IAP that was on", "PATCH", backends + "/on", `{"description": "x"}`, 200, ""},
		{"IAP in a region", "POST", strings.Replace(backends, "global", "regions/us-central1", 1),
			`{"name": "regional", ` + web + `, "iap": {"enabled": true}}`, 200, ""},
	} {
		if status, text := b.call(tc.verb, tc.path, tc.body); status != tc.want || !strings.Contains(text, tc.text) {
			t.Errorf("%s: %d %q, want %d %q", tc.name, status, text, tc.want, tc.text)
		}
	}
	b.set(project, "iam.allowedPolicyMemberDomains", `{"rules": [{"allowAll": true}]}`)
	b.set(org, "iam.managed.allowedPolicyMembers", `{"rules": [{"enforce": true, "parameters": {
		"allowedMemberSubjects": ["user:guest@elsewhere.example"],
		"allowedPrincipalSets": ["//cloudresourcemanager.googleapis.com/organizations/987654321098"]}}]}`)
	for member, want := range map[string]int{"allUsers": 400, "user:guest@elsewhere.example": 200,
		"user:other@elsewhere.example": 400, "user:bob@example.com": 200} {
		if status, text := b.call("POST", services+"/a:setIamPolicy", grant(member)); status != want {
			t.Errorf("%s: %d %s, want %d", member, status, text, want)
		}
	}
}

func TestAnOrganizationMakesAConstraintOfItsOwn(t *testing.T) {
	b := start(t)
	constraints := b.client.Organizations.CustomConstraints
	const name = "custom.guardRequireIap"
	wanted := func(change func(*orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint)) *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint {
		made := &orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint{Name: org + "/customConstraints/" + name, ActionType: "DENY",
			Condition: "true", MethodTypes: []string{"CREATE"}, ResourceTypes: []string{"run.googleapis.com/Service"}}
		if change != nil {
			change(made)
		}
		return made
	}
	policy := &orgpolicy.GoogleCloudOrgpolicyV2Policy{Name: project + "/policies/" + name, Spec: &orgpolicy.GoogleCloudOrgpolicyV2PolicySpec{
		Rules: []*orgpolicy.GoogleCloudOrgpolicyV2PolicySpecPolicyRule{{Enforce: true}}}}
	if _, err := b.client.Projects.Policies.Create(project, policy).Do(); clienttest.Code(err) != http.StatusBadRequest {
		t.Errorf("a policy of a constraint that is not there: %v, want a 400", err)
	}
	for what, change := range map[string]func(*orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint){
		"another name": func(c *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint) { c.Name = org + "/customConstraints/own.x" },
		"no condition": func(c *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint) { c.Condition = "" },
		"no resources": func(c *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint) { c.ResourceTypes = nil },
	} {
		if _, err := constraints.Create(org, wanted(change)).Do(); clienttest.Code(err) != http.StatusBadRequest {
			t.Errorf("%s: %v, want a 400", what, err)
		}
	}
	if _, err := constraints.Create(org, wanted(nil)).Do(); err != nil {
		t.Fatal(err)
	}
	changed, err := constraints.Patch(org+"/customConstraints/"+name, wanted(
		func(c *orgpolicy.GoogleCloudOrgpolicyV2CustomConstraint) { c.Condition = "false" })).Do()
	if err != nil || changed.Condition != "false" {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	if _, err := b.client.Projects.Policies.Create(project, policy).Do(); err != nil {
		t.Errorf("a policy of the constraint: %v", err)
	}
	if _, err := constraints.Delete(org + "/customConstraints/" + name).Do(); err != nil {
		t.Error(err)
	}
	if _, err := constraints.Get(org + "/customConstraints/" + name).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("after that: %v, want a 404", err)
	}
}
