package door

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestIAPAtAForwardingRuleGuardsWhatIsBehind(t *testing.T) {
	accessors := func(members ...string) posture.Policy {
		return posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: members}}}
	}
	whole := func(p *posture.Posture) *posture.RuleIAP {
		at := &posture.RuleIAP{Policies: []string{"projects/demo-project/locations/global/authzPolicies/iap"},
			Project: "demo-project", Number: posturetest.Number, Access: accessors(posturetest.Alice),
			Inherited: make([]posture.Policy, 2)}
		p.Backends[0].Frontends[0].IAP = at
		return at
	}
	everybody := func(p *posture.Posture) {
		p.Invokers.Bindings = append(p.Invokers.Bindings,
			posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   Guard
		why    string
	}{
		{"no policy", everybody, GuardOpen, ""},
		{"a policy asks IAP", func(p *posture.Posture) { everybody(p); whole(p) }, GuardIAP, ""},
		{"and lets in everybody", func(p *posture.Posture) { whole(p).Access = accessors("allUsers") }, GuardOpen,
			"IAP lets everybody in (allUsers)"},
		{"any account, by the type above it",
			func(p *posture.Posture) { whole(p).Inherited[0] = accessors("allAuthenticatedUsers") }, GuardSignedIn,
			"IAP lets any Google account in (allAuthenticatedUsers)"},
		{"IAP's policy there is unread", func(p *posture.Posture) { whole(p).Access.Unread = "403" }, GuardUnknown, "403"},
		{"its settings are unread", func(p *posture.Posture) { whole(p).Settings.Unread = "403" }, GuardUnknown, "403"},
		{"the project of the rule is another one", func(p *posture.Posture) { whole(p).Project = "network-project" },
			GuardUnknown, "the IAM policy of project network-project is not read"},
		{"which lets nobody in",
			func(p *posture.Posture) { elsewhere(whole(p), accessors(posturetest.Alice)) }, GuardIAP, ""},
		{"which lets any account in", func(p *posture.Posture) { elsewhere(whole(p), accessors("domain:gmail.com")) },
			GuardSignedIn, "IAP lets any Google account in (domain:gmail.com)"},
		{"whose organization does", func(p *posture.Posture) {
			elsewhere(whole(p), posture.Policy{}).Home[1].Policy = accessors("domain:gmail.com")
		}, GuardSignedIn, "IAP lets any Google account in (domain:gmail.com)"},
		{"whose policy is unread",
			func(p *posture.Posture) { elsewhere(whole(p), posture.Policy{Unread: "403"}) }, GuardUnknown, "403"},
		{"the policy above which is unread", func(p *posture.Posture) {
			elsewhere(whole(p), posture.Policy{}).Home[1].Policy.Unread = "403"
		}, GuardUnknown, "403"},
		{"the service's own project lets any account in, and that of the rule nobody", func(p *posture.Posture) {
			elsewhere(whole(p), posture.Policy{})
			p.Project = accessors("domain:gmail.com")
		}, GuardIAP, ""},
		{"of copies, with IAP behind it that lets any account in", func(p *posture.Posture) {
			whole(p).Access = accessors("allUsers")
			p.Backends[0].IAPOn, p.Backends[0].Access, p.Backends[0].Frontends[0].Mirror = true, accessors("allAuthenticatedUsers"), true
		}, GuardSignedIn, "requests are mirrored here; IAP lets any Google account in (allAuthenticatedUsers)"},
		{"of copies, and lets in who is named", func(p *posture.Posture) {
			whole(p)
			p.Backends[0].IAPOn, p.Backends[0].Access, p.Backends[0].Frontends[0].Mirror = true, accessors("allUsers"), true
		}, GuardIAP, "requests are mirrored here"},
		{"IAP behind it too", func(p *posture.Posture) { whole(p).Access = accessors("allUsers"); p.Backends[0].IAPOn = true },
			GuardIAP, twoIAPs},
		{"IAP at the service too", func(p *posture.Posture) { whole(p); p.Service.IAPOn = true }, GuardIAP, twoIAPs},
		{"only some requests, and others meet nobody",
			func(p *posture.Posture) { everybody(p); whole(p).Partial = true }, GuardOpen, ""},
		{"only some requests, and others meet IAM", func(p *posture.Posture) { whole(p).Partial = true }, GuardIAP, ""},
		{"only some requests, which are open",
			func(p *posture.Posture) { at := whole(p); at.Partial, at.Access = true, accessors("allUsers") }, GuardOpen,
			"IAP lets everybody in (allUsers)"},
		{"unread, and open behind it", func(p *posture.Posture) { everybody(p); whole(p).Policies = nil; unreadRules(p) },
			GuardUnknown, "403"},
		{"unread, and IAP's agent gets in behind it", func(p *posture.Posture) { whole(p).Policies = nil; unreadRules(p) },
			GuardUnknown, "403"},
		{"unread, and it does not", func(p *posture.Posture) {
			whole(p).Policies, p.Invokers.Bindings = nil, nil
			unreadRules(p)
		}, GuardIAM, ""},
		{"unread, and IAP behind it", func(p *posture.Posture) {
			whole(p).Policies, p.Backends[0].IAPOn = nil, true
			unreadRules(p)
		}, GuardIAP, ""},
		{"the frontend is unread, and IAP's agent gets in behind it",
			func(p *posture.Posture) { p.Backends[0].Frontends[0].Unread = "403" }, GuardUnknown, "403"},
		{"the frontend is unread, and it does not", func(p *posture.Posture) {
			p.Backends[0].Frontends[0].Unread, p.Invokers.Bindings = "403", nil
		}, GuardIAM, ""},
		{"closed by its ingress", func(p *posture.Posture) { everybody(p); whole(p); p.Service.Ingress = posture.IngressInternal },
			GuardIngress, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := posturetest.Protected()
			p.Backends[0].IAPOn = false
			tc.change(&p)
			address := "https://203.0.113.7"
			if p.Backends[0].Frontends[0].Unread != "" {
				address = ""
			}
			want := []Door{{Kind: LoadBalancer, Address: address,
				Via: "projects/demo-project/global/forwardingRules/hello-https", Guard: tc.want, Why: tc.why,
				Backend: helloBackend}}
			if diff := cmp.Diff(want, frontendDoors(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// elsewhere puts a forwarding rule into another project of an organization.
func elsewhere(at *posture.RuleIAP, policy posture.Policy) *posture.RuleIAP {
	at.Project = "network-project"
	at.Home = []posture.AccessPolicy{{Resource: "projects/network-project", Policy: policy}, {Resource: "organizations/1"}}
	return at
}

func unreadRules(p *posture.Posture) { p.Backends[0].Frontends[0].IAP.Unread = "403" }

func TestAccessorsOfAForwardingRuleAreNamed(t *testing.T) {
	p := posturetest.Protected()
	p.Backends[0].IAPOn = false
	p.Backends[0].Frontends[0].IAP = &posture.RuleIAP{Policies: []string{"iap"}, Project: "demo-project",
		Number: posturetest.Number, Inherited: make([]posture.Policy, 2),
		Access: posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"user:carol@example.com"}}}}}
	got := NamedAccessors(p)
	if diff := cmp.Diff(List{Named: []Named{{Member: "user:carol@example.com"}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
