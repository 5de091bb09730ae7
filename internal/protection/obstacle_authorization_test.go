package protection

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// delegated is a service before which an authorization policy asks IAP, and not the
// backend service.
func delegated(p *posture.Posture) *posture.RuleIAP {
	p.Backends[0].IAPOn, p.Backends[0].Access = false, posture.Policy{}
	at := &posture.RuleIAP{Policies: []string{"projects/demo-project/locations/global/authzPolicies/iap"},
		Project: "demo-project", Number: posturetest.Number, Access: grant(posture.RoleAccessor, posturetest.Alice),
		Inherited: make([]posture.Policy, 2)}
	p.Backends[0].Frontends[0].IAP = at
	return at
}

func TestIAPAtAForwardingRuleIsRespected(t *testing.T) {
	const rule = "projects/demo-project/global/forwardingRules/hello-https"
	const web = "projects/123456789012/iap_web/forwarding_rule/services/hello-https"
	backend := posturetest.Protected().Backends[0].Resource()
	remark := "low AUTHORIZATION_POLICY remarks " + rule
	stops := "high AUTHORIZATION_POLICY blocks " + rule
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []string
		remedy string
	}{
		{"it is as wanted", func(p *posture.Posture, _ *policy.Wanted) { delegated(p) }, []string{remark}, ""},
		{"the public may invoke", func(p *posture.Posture, _ *policy.Wanted) {
			delegated(p)
			p.Service.Ingress = posture.IngressAll
			p.Invokers.Bindings = append(p.Invokers.Bindings, posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
		}, []string{remark, "high INGRESS_OPEN gap " + posturetest.Hello.Name(), "high PUBLIC_INVOKER gap " + posturetest.Hello.Name()}, ""},
		{"somebody lacks access", func(p *posture.Posture, _ *policy.Wanted) { delegated(p).Access = posture.Policy{} },
			[]string{remark, "medium ACCESSOR_MISSING waits " + web}, "--resource-type=forwarding-rule --service=hello-https"},
		{"everybody has access", func(p *posture.Posture, want *policy.Wanted) {
			delegated(p).Access = grant(posture.RoleAccessor, "allUsers")
			want.Access = nil
		}, []string{remark, "high PUBLIC_ACCESSOR blocks " + web}, "gcloud iap web remove-iam-policy-binding"},
		{"somebody from outside", func(p *posture.Posture, want *policy.Wanted) {
			delegated(p).Access = grant(posture.RoleAccessor, "user:eve@evil.example")
			want.Access, want.Trust.Domains = nil, []string{"example.com"}
		}, []string{remark, "high FOREIGN_ACCESSOR remarks " + web}, ""},
		{"another way has no IAP", func(p *posture.Posture, _ *policy.Wanted) {
			delegated(p)
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, posture.Frontend{Resource: "other", HTTPS: true})
		}, []string{stops}, "target.resources"},
		{"only some requests", func(p *posture.Posture, _ *policy.Wanted) { delegated(p).Partial = true }, []string{stops}, "httpRules"},
		{"the policy wants IAP at the service",
			func(p *posture.Posture, want *policy.Wanted) { delegated(p); want.Recipe = policy.RecipeDirect }, []string{stops},
			"gcloud beta network-security authz-policies delete iap --location=global"},
		{"IAP at the backend service too", func(p *posture.Posture, _ *policy.Wanted) {
			delegated(p)
			p.Backends[0].IAPOn = true
		}, []string{"high BOTH_IAP blocks " + rule}, "--iap=disabled"},
		{"IAP at the service too", func(p *posture.Posture, _ *policy.Wanted) { delegated(p); p.Service.IAPOn = true },
			[]string{"high BOTH_IAP blocks " + rule}, "gcloud beta run services update"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, want := posturetest.Protected(), posturetest.Wanted()
			tc.change(&p, &want)
			findings := Assess(p, want)
			var got []string
			remedies := ""
			for _, f := range findings {
				if f.Code == IAPOff || f.Resource == backend {
					t.Errorf("%s on %s, want nothing to be done at the backend service", f.Code, f.Resource)
				}
				if f.Code == IAPOff || f.Code == DirectIAPOff || f.Code == AccessorMissing && f.Disposition == Gap {
					continue
				}
				got = append(got, strings.Join([]string{string(f.Severity), string(f.Code), string(f.Disposition), f.Resource}, " "))
				remedies += f.Remedy + "\n"
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(remedies, tc.remedy) {
				t.Errorf("the remedies say\n%s\nwant %s", remedies, tc.remedy)
			}
			for _, step := range Plan(p, want, findings, p.ObservedAt).Steps {
				if op := string(step.Op()); op == "enable-iap" || op == "enable-direct-iap" {
					t.Errorf("the plan has %s on %s", op, step.Resource)
				}
			}
		})
	}
}
