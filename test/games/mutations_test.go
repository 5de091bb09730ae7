package games

import (
	"flag"
	"regexp"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/test/oracle/mutation"
)

var mutations = flag.Bool("mutations", false, "compile the games with each mutation of the product, and want it caught")

// mutant is a mutation of the product, and the promise that it breaks.
type mutant struct{ promise, name, file, from, to string }

// seldom are the mutants that random games seldom meet. Found games catch them.
var seldom = []string{"private neighbours get the agent's grant", "what we took the public from is private",
	"whoever passes IAP gets into a private service", "named invokers lose what they use",
	"holds are not read before each step", "who caused a plan approves it", "a used token is taken again by another instance",
	"undo asks no audit log", "an approval is worth other steps too", "an approval is worth every version"}

var mutants = []mutant{
	{"P2", "private services are not left", "internal/protection/private.go",
		"(want.Private != policy.PrivateInclude || OthersPass", "(want.Private == \"\" || OthersPass"},
	{"P2", "whoever passes IAP gets into a private service", "internal/protection/private.go",
		"|| OthersPass(p, want) != nil)", "|| OthersPass(p, want) == nil && p.Target.Service == \"\")"},
	{"P3", "named invokers lose what they use", "internal/protection/obstacle_caller.go",
		"invokers := door.Private(p) &&", "invokers := door.Private(p) && want.Rule == \"\" &&"},
	{"P2", "any record says that a service was guarded once", "internal/decide/private.go",
		"p.AgentInvokes() &&\n\t\tp.Service.Ingress == posture.IngressInternalLoadBalancing:", "true:"},
	{"P11", "private neighbours get the agent's grant", "internal/protection/invoker_grant.go",
		"return inScope && (theirs.Private", "return inScope && theirs.Private == \"\" && (theirs.Private"},
	{"P6", "a grant to the agent is one to everybody", "internal/cloud/operation_grant_invoker.go",
		"p.Add(grant.Role, []string{grant.Member},", "p.Add(grant.Role, []string{grant.Member, \"allUsers\"},"},
	{"P6", "a grant of access is one to every account", "internal/cloud/operation_grant_access.go",
		"return p.Add(grant.Role, grant.Members,", "return p.Add(grant.Role, append(grant.Members, \"allAuthenticatedUsers\"),"},
	{"P3", "who is named gets no access", "internal/protection/access.go",
		"if !in && !slices.Contains(missing, member) {", "if !in && len(missing) > 99 {"},
	{"P3", "what was guarded once is forgotten", "internal/decide/private.go",
		"!byRule && !d.closedByUs() && remembered.GuardedSince.IsZero():", "len(remembered.Wrote) < 999:"},
	{"P6", "every accessor counts as public", "internal/door/roles.go",
		"return membersIn(p, policy, passesIAP, IsPublic)",
		"return membersIn(p, policy, passesIAP, func(string) bool { return true })"},
	{"P6", "every invoker counts as public", "internal/door/roles.go",
		"return membersIn(p, policy, mayInvoke, IsPublic)",
		"return membersIn(p, policy, mayInvoke, func(string) bool { return true })"},
	{"P6", "removing members removes the others too", "internal/cloud/iampolicy/iampolicy.go",
		"func(m string) bool { return slices.Contains(members, m) })\n\t\tif len(kept)",
		"func(m string) bool { return len(members) > 0 })\n\t\tif len(kept)"},
	{"P6", "adding a member replaces the others", "internal/cloud/iampolicy/iampolicy.go",
		"append(p.Bindings[at].Members, member)", "append(p.Bindings[at].Members[:0:0], member)"},
	{"P6", "a policy is written at any version", "internal/cloud/run/run.go",
		"policy.Version = 3\n", "policy.Version, policy.Etag = 3, \"\"\n"},
	{"P6", "a service is written at any version", "internal/cloud/operation_restrict_ingress.go",
		"Service{Etag: step.Version, Ingress: word}", "Service{Ingress: word}"},
	{"P6", "the ingress is written with the labels", "internal/cloud/operation_restrict_ingress.go",
		"step.Resource, \"ingress\", &run", "step.Resource, \"ingress,labels\", &run"},
	{"P6", "the ingress is written again at each look", "internal/protection/ingress.go",
		"if p.Service.Ingress != posture.IngressAll ||", "if p.Service.Ingress == posture.IngressInternal ||"},
	{"P9", "limits are not looked at", "internal/decide/limits.go",
		"if !slices.ContainsFunc(due, d.counts) || d.request.OverLimit ||", "if !slices.ContainsFunc(due, d.counts) || true ||"},
	{"P4", "IAP stays off", "internal/protection/iap.go",
		"if backend.IAPOn || len(backend.RulesWithIAP()) > 0 {", "if true || backend.IAPOn {"},
	{"P4", "the agent gets no grant", "internal/protection/invoker_grant.go",
		"if member.Missing || member.Invokers", "if true || member.Invokers"},
	{"P4", "public accessors stay", "internal/protection/obstacle_public_accessor.go",
		"if ownPolicy(p, at.Resource) && !want.KeepAccessors {", "if ownPolicy(p, at.Resource) && want.KeepAccessors {"},
	{"P4", "public accessors stay while others write the policy", "internal/plan/schedule.go",
		"return s.bounded(s.policyTouched(step), s.want.Quiet)", "return s.bounded(s.policyTouched(step), 5*s.want.Settle)"},
	{"P4", "what was published waits for IAP", "internal/decide/published.go",
		"if opened.IsZero() || d.request.Consent {", "if opened.IsZero() || d.mayWrite() {"},
	{"P3", "what we took the public from is private", "internal/decide/published.go",
		"case (public || w.At.Equal(gone)) && d.wroteIt(w):", "case public && gone.After(came) && d.wroteIt(w):"},
	{"P4", "what is due later is not stored", "internal/workqueue/worker.go",
		"if err := w.Later.Schedule(ctx, until, item.recordKey(), data); err != nil {",
		"if err := ctx.Err(); err == nil {\n\t\treturn nil\n\t} else if len(data) == 0 {"},
	{"P7", "placed holds are read once an hour", "function/holds_placed.go",
		"p.clock.Since(p.asked) >= placedFor", "p.clock.Since(p.asked) >= 360*placedFor"},
	{"P7", "holds are not read before each step", "internal/reconcile/perform.go",
		"return decide.HeldNow(decision, r.settings(ctx), r.now())", "return false && decide.HeldNow(decision, r.settings(ctx), r.now())"},
	{"P8", "undo asks no audit log", "internal/decide/undo_witness.go",
		"case err != nil:\n\t\treturn err\n\tcase !newest:",
		"case err != nil && len(u.witnesses.Trail.Unread) > 99:\n\t\treturn err\n\tcase !newest:"},
	{"P8", "undo does not ask whether the memory knows the step", "internal/decide/undo.go",
		"if err := u.refuse(taken, step, at); err != nil {", "if err := u.refuse(taken, step, at); err != nil && false {"},
	{"P10", "every heartbeat is believed", "function/heartbeat.go",
		"if !here || !hmac.Equal([]byte(sum), []byte(signed(key, place, text))) {", "if !here || len(key) == 0 || sum == \"\" {"},
	{"consent", "a message that names a plan approves it", "internal/decide/scope.go",
		"if d.request.Consent || d.mode() == policy.Enforce {",
		"if c := d.request.Cause.Command; d.request.Consent || d.mode() == policy.Enforce || c != nil && c.PlanID != \"\" {"},
	{"consent", "the mode approve asks nobody", "internal/decide/scope.go",
		"return d.mode() == policy.Approve && d.approval() != nil", "return d.mode() == policy.Approve"},
	{"consent", "who caused a plan approves it", "function/approve.go",
		"case slices.ContainsFunc(offer.Principals, caused):", "case slices.ContainsFunc(offer.Principals, caused) && false:"},
	{"consent", "who operates approves every plan", "function/approve.go",
		"if posture.Includes(approvers, \"serviceAccount:\"+by)", "if len(approvers) > 0 || posture.Includes(approvers, \"serviceAccount:\"+by)"},
	{"consent", "who approves sends every command", "function/direct.go",
		"case !operates:", "case !operates && order.Name == \"\":"},
	{"consent", "an approval is worth other steps too", "internal/decide/approval.go",
		"return of.Key == step.Key() &&", "return"},
	{"consent", "an approval is worth every version", "internal/decide/approval.go",
		"covers(*a, steps, true)", "covers(*a, steps, false)"},
	{"consent", "a used token is taken again by another instance", "internal/memory/token.go",
		"return err == nil && kept.Use == use, err", "return err == nil && kept.Use != \"\", err"},
	{"consent", "old tokens send commands", "function/admission.go",
		"age > freshFor || age < -skew", "age > 100*freshFor || age < -skew"},
	{"consent", "who pushes comes to every path", "function/callers.go",
		"return slices.Contains(c.Pushers[path], email)", "return path != \"\" && strings.Contains(email, \"push\")"},
	{"consent", "messages may have the ids of sent commands", "internal/event/command.go",
		"case strings.HasPrefix(m.ID.s, ownID):", "case strings.HasPrefix(m.ID.s, ownID+\"-\"):"},
}

var caughtBy = regexp.MustCompile(`(?m)(game \d+ of seed \d+: |^ +)(P\d+|consent): [^\n]{0,150}`)

func TestMutationsOfTheProductAreCaught(t *testing.T) {
	if !*mutations {
		t.Skip("compiles the games once for each of the mutations; run with -mutations")
	}
	mutation.Unmutated(t, "-run", "TestGames", "-games", "60")
	for _, m := range mutants {
		t.Run(m.promise+" "+m.name, func(t *testing.T) {
			run := "TestGames"
			if slices.Contains(seldom, m.name) {
				run = "TestFound"
			}
			mutation.Mutant{Name: m.name, File: m.file, From: m.from, To: m.to}.IsCaught(t, caughtBy,
				"-run", run, "-games", "300", "-stop", "-stories", "0")
		})
	}
}
