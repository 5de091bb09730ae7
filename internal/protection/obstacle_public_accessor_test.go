package protection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestNobodyPassesIAPUnnamed(t *testing.T) {
	public := grant(posture.RoleAccessor, posturetest.Alice, "allUsers")
	one, none := []Code{PublicAccessor}, []Code(nil)
	check(t, publicAccessors, []row{
		{"at the backend service", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Access = public }, one},
		{"where IAP is still off", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access, p.Backends[0].IAPOn = public, false
		}, one},
		{"above two backend services", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Inherited = []posture.Policy{{}, public}
			p.Backends = append(p.Backends, p.Backends[0])
			p.Backends[1].Name = "second"
		}, one},
		{"both public members", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access = grant(posture.RoleAccessor, "allUsers", "allAuthenticatedUsers")
		}, one},
		{"both public members, above", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Inherited = []posture.Policy{grant(posture.RoleAccessor, "allUsers", "allAuthenticatedUsers")}
		}, []Code{PublicAccessor, PublicAccessor}},
		{"until a time that has passed", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access, p.ObservedAt = grant(posture.RoleAccessor, "allUsers"), time.Now()
			p.Backends[0].Access.Bindings[0].Condition = `request.time < timestamp("2020-01-01T00:00:00Z")`
		}, none},
		{"under a condition", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access = grant(posture.RoleAccessor, "allUsers")
			p.Backends[0].Access.Bindings[0].Condition = "c"
		}, one},
		{"in a custom role", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access = grant("projects/demo-project/roles/in", "allAuthenticatedUsers")
		}, one},
		{"at a backend service that no frontend leads to", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access, p.Backends[0].Frontends = public, nil
		}, none},
		{"at the service, whose IAP is off", func(p *posture.Posture, _ *policy.Wanted) { p.DirectAccess = public }, none},
		{"at the service, whose IAP is on", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			p.DirectAccess = public
		}, one},
		{"at the service, where the policy wants IAP", func(p *posture.Posture, want *policy.Wanted) {
			want.Recipe, p.DirectAccess, p.Backends = policy.RecipeDirect, public, nil
		}, one},
		{"a group and a domain", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access = grant(posture.RoleAccessor, "group:staff@example.com", "domain:example.com")
		}, none},
	})
}

func TestAPublicAccessorIsRemovedWhereItStands(t *testing.T) {
	public := grant(posture.RoleAccessor, "allUsers")
	const member = " --member=allUsers --role=roles/iap.httpsResourceAccessor --all"
	regional := func(p *posture.Posture) { p.Backends[0].Location = "europe-west1" }
	for name, tc := range map[string]struct {
		change        func(*posture.Posture)
		command, from string
	}{
		"the backend service": {func(p *posture.Posture) { p.Backends[0].Access = public },
			"iap web remove-iam-policy-binding --resource-type=backend-services --service=hello-backend --project=demo-project",
			"projects/123456789012/iap_web/compute/services/hello-backend"},
		"a regional backend service": {func(p *posture.Posture) { regional(p); p.Backends[0].Access = public },
			"iap web remove-iam-policy-binding --resource-type=backend-services --service=hello-backend " +
				"--region=europe-west1 --project=demo-project",
			"projects/123456789012/iap_web/compute-europe-west1/services/hello-backend"},
		"all backend services": {func(p *posture.Posture) { p.Backends[0].Inherited = []posture.Policy{public} },
			"iap web remove-iam-policy-binding --resource-type=backend-services --project=demo-project",
			"projects/123456789012/iap_web/compute"},
		"all backend services of a region": {
			func(p *posture.Posture) { regional(p); p.Backends[0].Inherited = []posture.Policy{public} },
			"iap web remove-iam-policy-binding --resource-type=backend-services --region=europe-west1 --project=demo-project",
			"projects/123456789012/iap_web/compute-europe-west1"},
		"all of IAP": {func(p *posture.Posture) { p.Backends[0].Inherited = []posture.Policy{{}, public} },
			"iap web remove-iam-policy-binding --project=demo-project", "projects/123456789012/iap_web"},
		"the project": {func(p *posture.Posture) { p.Project = public },
			"projects remove-iam-policy-binding demo-project", "projects/demo-project"},
		"the service": {func(p *posture.Posture) { posturetest.DirectIAP(p, nil); p.DirectAccess = public },
			"beta iap web remove-iam-policy-binding --resource-type=cloud-run --service=hello --region=us-central1 " +
				"--project=demo-project",
			"projects/123456789012/iap_web/cloud_run-us-central1/services/hello"},
		"all services of the region": {
			func(p *posture.Posture) { posturetest.DirectIAP(p, nil); p.DirectInherited = []posture.Policy{public} },
			"beta iap web remove-iam-policy-binding --resource-type=cloud-run --region=us-central1 --project=demo-project",
			"projects/123456789012/iap_web/cloud_run-us-central1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := posturetest.Protected()
			tc.change(&p)
			want := []Finding{{
				Code: PublicAccessor, Severity: High, Disposition: Blocks, Resource: tc.from,
				Subject: "roles/iap.httpsResourceAccessor allUsers", Stops: letsAgentIn,
				Why:    "IAP lets everybody in: allUsers has roles/iap.httpsResourceAccessor at " + tc.from,
				Remedy: "gcloud " + tc.command + member + ", and name those who are to get in under access in the policy",
			}}
			wanted := posturetest.Wanted()
			wanted.KeepAccessors = true
			if diff := cmp.Diff(want, publicAccessors(p, wanted)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePublicIsTakenOutOfOwnPoliciesBeforeAnyGrant(t *testing.T) {
	p := posturetest.Protected()
	p.Backends[0].Access = grant(posture.RoleAccessor, "allUsers", posturetest.Alice, "allAuthenticatedUsers")
	p.Invokers = posture.Policy{}
	want := posturetest.Wanted()
	made := Plan(p, want, Assess(p, want), p.ObservedAt)
	if len(made.Steps) != 3 || made.Steps[2].Op() != (plan.GrantInvoker{}).Operation().Op {
		t.Fatalf("steps %+v, want the agent's grant as the last of three", made.Steps)
	}
	revoke := plan.RevokeAccess{Role: posture.RoleAccessor, Members: []string{"allUsers", "allAuthenticatedUsers"}}
	if diff := cmp.Diff(plan.Change(revoke), made.Steps[0].Change); diff != "" {
		t.Errorf("first step (-want +got):\n%s", diff)
	}
	p.Backends[0].Inherited = []posture.Policy{grant(posture.RoleAccessor, "allUsers")}
	made = Plan(p, want, Assess(p, want), p.ObservedAt)
	if diff := cmp.Diff([]plan.Op{plan.RevokeAccess{}.Operation().Op}, ops(made.Steps)); diff != "" {
		t.Errorf("while the public is let in above (-want +got):\n%s", diff)
	}
}

func TestAPublicAccessorStopsOnlyWhatLetsStrangersIn(t *testing.T) {
	public := grant(posture.RoleAccessor, "allUsers")
	everybody := grant(posture.RoleInvoker, "allUsers")
	known := grant(posture.RoleInvoker, "allUsers") // and the agent exists
	known.Bindings = append(known.Bindings, posture.Binding{Role: "roles/run.viewer", Members: []string{posturetest.Agent}})
	granted := grant(posture.RoleInvoker, posturetest.Agent, "allUsers")
	rule := func(p *posture.Posture, partly bool) {
		p.Backends[0].IAPOn = false
		p.Backends[0].Frontends[0].IAP = &posture.RuleIAP{Policies: []string{"a"}, Partial: partly, Project: "demo-project",
			Number: posturetest.Number, Access: public}
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []plan.Op
	}{
		{"at a forwarding rule, and everybody may invoke",
			func(p *posture.Posture) { rule(p, false); p.Invokers = known }, []plan.Op{opIngress}},
		{"at a forwarding rule, where nobody passes yet",
			func(p *posture.Posture) { rule(p, false); p.Invokers = everybody }, nil},
		{"at a forwarding rule, and the agent may invoke too",
			func(p *posture.Posture) { rule(p, false); p.Invokers = granted }, []plan.Op{opIngress, opPublic}},
		{"at a forwarding rule, and nobody may invoke", func(p *posture.Posture) {
			rule(p, false)
			p.Invokers = posture.Policy{}
		}, nil},
		{"at a forwarding rule, and IAP is off at another backend service", func(p *posture.Posture) {
			other := posturetest.Protected().Backends[0]
			other.Name, other.IAPOn, other.Frontends[0].Resource = "other-backend", false, other.Frontends[0].Resource+"-other"
			rule(p, false)
			p.Invokers, p.Backends = granted, append(p.Backends, other)
		}, []plan.Op{opIAP, opIngress, opPublic}},
		{"above, and everybody may invoke", func(p *posture.Posture) {
			p.Backends[0].Inherited = []posture.Policy{public}
			p.Invokers, p.Backends[0].IAPOn = everybody, false
		}, []plan.Op{opIngress}},
		{"above, and the agent may invoke too", func(p *posture.Posture) {
			p.Backends[0].Inherited = []posture.Policy{public}
			p.Invokers = granted
		}, []plan.Op{opIngress, opPublic}},
		{"at a forwarding rule that asks for some requests", func(p *posture.Posture) {
			rule(p, true)
			p.Invokers = everybody
		}, []plan.Op{opIngress}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, want := posturetest.Protected(), posturetest.Wanted()
			p.Service.Ingress = posture.IngressAll
			tc.change(&p)
			for _, backend := range p.Backends {
				backend.Members[0].Invokers = p.Invokers
			}
			made := Plan(p, want, Assess(p, want), p.ObservedAt)
			if diff := cmp.Diff(tc.want, ops(made.Steps)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err := made.Check(p); err != nil {
				t.Error(err)
			}
		})
	}
}
