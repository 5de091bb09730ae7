package oracle

import (
	"flag"
	"regexp"
	"testing"

	"github.com/iapguard/iapguard/test/oracle/mutation"
)

var mutations = flag.Bool("mutations", false, "compile the oracle with each mutated door rule, and want it caught")

// mutant is a mutation of a door rule.
type mutant struct{ name, file, from, to string }

func (m mutant) isCaught(t *testing.T, flags ...string) {
	t.Helper()
	mutation.Mutant{Name: m.name, File: m.file, From: m.from, To: m.to}.IsCaught(t, caughtBy, flags...)
}

var mutants = []mutant{
	{"a public accessor is not seen", "internal/door/guard.go", "if len(wide) > 0 {", "if len(wide) > 99 {"},
	{"a switched-off invoker check is not seen", "internal/door/guard.go", "if p.Service.InvokerCheckOff {", "if false {"},
	{"a mapped domain and run.app are behind load balancers alone", "internal/door/guard.go",
		"case p.Service.Ingress.ClosedToInternet():", "case p.Service.Ingress.ClosedToInternet() || len(p.Backends) > 0:"},
	{"internal ingress shuts internal load balancers", "internal/door/guard.go",
		"p.Service.Ingress == posture.IngressInternal && !backend.Internal()", "p.Service.Ingress == posture.IngressInternal"},
	{"IAP at the backend service is not looked at", "internal/door/guard.go",
		"case backend.IAPOn:\n", "case backend.IAPOn && len(backend.Access.Bindings) > 99:\n"},
	{"the public invokes in run.invoker alone", "internal/door/roles.go",
		"return RoleInvokes(p, role) != No }", "return OnlyInvokes(role) }"},
	{"custom roles do not invoke", "internal/door/roles.go",
		"case custom.Invokes && !p.Target.Instance ||", "case false ||"},
	{"custom roles do not pass IAP", "internal/door/roles.go", "return custom.PassesIAP",
		"return custom.PassesIAP && false"},
	{"no custom role contains anything", "internal/cloud/iam/iam.go", "if found.Deleted ||", "if true ||"},
	{"every account is not public", "internal/door/roles.go", `allUsers, "allAuthenticatedUsers", `, `allUsers, `},
	{"everybody at Gmail is not public", "internal/door/roles.go", `"domain:gmail.com", `, ``},
	{"roles that write are harmless", "internal/door/roles.go",
		"case slices.Contains(invokingRoles, role):\n\t\treturn Yes",
		"case slices.Contains(invokingRoles[2:], role):\n\t\treturn No"},
	{"the default URL counts as off where it is on", "internal/door/door.go",
		"if p.Service.DefaultURLDisabled {\n\t\tguard", "if !p.Service.DefaultURLDisabled {\n\t\tguard"},
	{"a load balancer leads to the first region alone", "internal/door/region.go",
		"now := looser(judged{doors[at].Guard, doors[at].Why}, judged{one.Guard, one.Why})",
		"now := looser(judged{doors[at].Guard, doors[at].Why}, judged{})"},
	{"mapped domains are not doors", "internal/door/door.go",
		"doors := append(OwnDoors(p), DomainDoors(p)...)", "doors := OwnDoors(p)"},
	{"what is inherited is not counted at IAP", "internal/posture/access.go",
		"for i, policy := range inherited {", "for i, policy := range inherited[:0] {"},
	{"what the project's policy lets in is not counted", "internal/posture/access.go",
		"policies := []Policy{p.Invokers, p.AtGlobal, p.Project}", "policies := []Policy{p.Invokers, p.AtGlobal}"},
	{"what is above the project lets nobody invoke", "internal/posture/access.go",
		"for _, at := range p.Above {", "for _, at := range p.Above[:0] {"},
	{"settings above the project are not counted", "internal/cloud/observe_settings.go",
		"above := o.p.Ancestors.Containers()", "above := o.p.Ancestors.Containers()[:0]"},
	{"IAP for some paths guards the others", "internal/door/guard.go", "if at.Partial {", "if false {"},
	{"a condition with an end counts as expired", "internal/posture/expiry.go",
		`return err == nil && (at.After(end) || match[1] == "<" && at.Equal(end))`, "return err == nil && !end.IsZero()"},
	{"a domain is nobody", "internal/posture/expiry.go", "(user|group|serviceAccount|domain|", "(user|group|serviceAccount|"},
	{"OPTIONS requests that pass are not remarked on", "internal/protection/obstacle_iap_settings.go",
		"if iap.settings.AllowOptions {", "if iap.settings.AllowOptions && iap.on && len(iap.policies) > 99 {"},
	{"settings are not inherited", "internal/cloud/iap/settings.go",
		"for _, s := range nearestFirst {", "for _, s := range nearestFirst[:1] {"},
	{"copies of requests are no way in", "internal/cloud/loadbalancer/route.go",
		"if action.RequestMirrorPolicy != nil {", "if action.RequestMirrorPolicy != nil && false {"},
	{"the lighter of two backend services gets nothing", "internal/cloud/loadbalancer/route.go",
		"for _, weighted := range action.WeightedBackendServices {",
		"for _, weighted := range action.WeightedBackendServices[:min(1, len(action.WeightedBackendServices))] {"},
	{"a host rule has one host", "internal/cloud/loadbalancer/route.go",
		"append(hosts[rule.PathMatcher], rule.Hosts...)", "append(hosts[rule.PathMatcher], rule.Hosts[:1]...)"},
	{"a URL mask takes the path itself alone", "internal/cloud/loadbalancer/selection.go",
		`whole, below := []string{s.path, s.path + "/*"}, s.path+"/"`, `whole, below := []string{s.path}, s.path+"/"`},
	{"frontends without TLS are no way in", "internal/cloud/loadbalancer/inventory.go",
		"range append(https, http...) {", "range append(https, http[:0]...) {"},
	{"load balancers of another project are not looked for", "internal/cloud/loadbalancer/frontend.go",
		"if inv.routing[user.project] == nil && !slices.Contains(projects, user.project) {",
		"if inv.routing[user.project] == nil && false {"},
	{"a tag has one address", "internal/cloud/run/run.go", "for _, url := range own {", "for _, url := range own[:0] {"},
}

// unread are rules of what is not known with one mistake each, which single reads that
// fail show.
var unread = []mutant{
	{"an unread policy of a service is an empty one", "internal/door/guard.go",
		"cmp.Or(doubtful, own, p.Project.Unread, p.AboveUnread())", "cmp.Or(doubtful, p.Project.Unread)"},
	{"an unread policy of a project is an empty one", "internal/door/guard.go",
		"cmp.Or(doubtful, own, p.Project.Unread, p.AboveUnread())", "cmp.Or(doubtful, own)"},
	{"an unread policy above the project is an empty one", "internal/door/guard.go",
		"cmp.Or(doubtful, own, p.Project.Unread, p.AboveUnread())", "cmp.Or(doubtful, own, p.Project.Unread)"},
	{"load balancers of a region that cannot be listed are those of no other", "internal/door/region.go",
		"mayLeadTo(doors, judged{unseen.Guard, unseen.Why})", "mayLeadTo(nil, judged{unseen.Guard, unseen.Why})"},
	{"load balancers that cannot be listed are none", "internal/door/door.go",
		`if p.BackendsUnread == "" || !passes {`, "if true || !passes {"},
}

var caughtBy = regexp.MustCompile(`estate \d+ of seed \d+`)

func TestMutationsOfTheDoorRulesAreCaught(t *testing.T) {
	if !*mutations {
		t.Skip("compiles the oracle once for each of the mutations; run with -mutations")
	}
	mutation.Unmutated(t, "-run", "TestEstates", "-estates", "50")
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) { m.isCaught(t, "-run", "TestEstates", "-estates", "1000") })
	}
	for _, m := range unread {
		t.Run(m.name, func(t *testing.T) { m.isCaught(t, "-run", "TestFaulted", "-faulted", "30") })
	}
}
