package decide

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

var shop = posture.Target{Project: "demo-project", Location: "us-central1", Service: "shop"}

const (
	shopAgent  = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	shopDoor   = "https://shop-abc-uc.a.run.app"
	shopBack   = "projects/demo-project/global/backendServices/shop-backend"
	shopAccess = "projects/123456789012/iap_web/compute/services/shop-backend"
)

// protectedShop is a service after every step of report shopDone.
func protectedShop() posture.Posture {
	invokers := posture.Policy{Version: "p2",
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{shopAgent}}}}
	return posture.Posture{
		Target: shop, ProjectNumber: "123456789012", Invokers: invokers,
		Service: posture.Service{UID: "u", Version: "s1", Ingress: posture.IngressInternalLoadBalancing,
			URLs: []string{shopDoor}},
		Backends: []posture.Backend{{
			Project: "demo-project", Location: posture.Global, Name: "shop-backend", Version: "b1", IAPOn: true,
			Members:   []posture.Member{{Target: shop, Invokers: invokers}},
			Frontends: []posture.Frontend{{Resource: "f", Address: "203.0.113.9", HTTPS: true}},
			Access: posture.Policy{Version: "a1",
				Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"}}}},
		}},
	}
}

func shopDone() report.Report {
	step := func(op plan.Op, resource, field, from, to, after string) report.Step {
		return report.Step{Op: string(op), Resource: resource, Field: field, From: from, To: to, Why: "w",
			Result: report.StepDone, VersionAfter: after}
	}
	return report.Report{
		RunID: "r", Outcome: report.Protected,
		Target: &report.Target{Project: shop.Project, ProjectNumber: "123456789012", Location: shop.Location,
			Service: shop.Service, UID: "u"},
		Steps: []report.Step{
			step(provision, "projects/demo-project/services/iap.googleapis.com", "", "", shopAgent, ""),
			step(grantInvoker, shop.Name(), posture.RoleInvoker, "", shopAgent, "p1"),
			step(grantAccess, shopAccess, posture.RoleAccessor, "", "user:alice@example.com", "a1"),
			step(enableIAP, shopBack, "iap.enabled", "false", "true", ""),
			step(restrictIngress, shop.Name(), "ingress", "all", "internal-and-cloud-load-balancing", "s1"),
			step(revokePublic, shop.Name(), posture.RoleInvoker, "allUsers", "", "p2"),
		},
	}
}

func operations(steps []plan.Step) string {
	var text []string
	for _, step := range steps {
		text = append(text, string(step.Op())+"@"+step.Version)
	}
	return strings.Join(text, " ")
}

func TestUndoTakesEveryStepBackTheLastFirstAndNamesWhatItOpens(t *testing.T) {
	undoing, err := Undo(protectedShop(), []report.Report{shopDone()}, witnessed(shopDone()))
	if err != nil {
		t.Fatal(err)
	}
	want := "revoke-public@p2 restrict-ingress@s1 enable-iap@b1 grant-access@a1 grant-invoker@p2"
	if got := operations(undoing.Steps); got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
	var opens []string
	for _, door := range undoing.Opens {
		opens = append(opens, door.Address)
	}
	if diff := cmp.Diff([]string{shopDoor, "https://203.0.113.9"}, opens); diff != "" {
		t.Errorf("opened doors (-want +got):\n%s", diff)
	}
}

func TestAStartedRecordIsUndoneAsFarAsItCameAbout(t *testing.T) {
	started := shopDone()
	started.Outcome = report.Started
	for i := range started.Steps {
		started.Steps[i].Result, started.Steps[i].VersionAfter = report.StepPlanned, ""
	}
	p := protectedShop() // the crash came before the ingress was restricted
	p.Service.Ingress = posture.IngressAll
	p.Invokers.Bindings[0].Members, p.Invokers.Version = []string{shopAgent, "allUsers"}, "p1"
	undoing, err := Undo(p, []report.Report{started}, witnessed(shopDone()))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := operations(undoing.Steps), "enable-iap@b1 grant-access@a1 grant-invoker@p1"; got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
}

// directShop is a service with IAP of its own, after every step of report
// directDone.
func directShop() posture.Posture {
	p := protectedShop()
	p.Backends, p.Service.IAPOn, p.Service.Ingress = nil, true, posture.IngressAll
	p.DirectAccess = posture.Policy{Version: "d1",
		Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"}}}}
	return p
}

func directDone() report.Report {
	r := shopDone()
	r.Steps = append(r.Steps[:2:2],
		report.Step{Op: string(grantAccess), Resource: shop.AccessResource("123456789012"), Field: posture.RoleAccessor,
			To: "user:alice@example.com", Why: "w", Result: report.StepDone, VersionAfter: "d1"},
		report.Step{Op: string(enableDirectIAP), Resource: shop.Name(), Field: "iapEnabled", From: "false", To: "true",
			Why: "w", Result: report.StepDone, VersionAfter: "s1"},
		r.Steps[5])
	return r
}

func TestIAPOfTheServiceItselfIsTurnedOffAgain(t *testing.T) {
	undoing, err := Undo(directShop(), []report.Report{directDone()}, witnessed(directDone()))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := operations(
		undoing.Steps), "revoke-public@p2 enable-direct-iap@s1 grant-access@d1 grant-invoker@p2"; got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
	if len(undoing.Opens) != 1 || undoing.Opens[0].Address != shopDoor {
		t.Errorf("opened doors %+v, want %s", undoing.Opens, shopDoor)
	}
	for name, change := range map[string]func(*posture.Posture, *report.Report){
		"turned off since":     func(p *posture.Posture, _ *report.Report) { p.Service.IAPOn = false },
		"written since":        func(p *posture.Posture, _ *report.Report) { p.Service.Version = "s2" },
		"another service":      func(_ *posture.Posture, r *report.Report) { r.Steps[3].Resource += "-x" },
		"it was never off":     func(_ *posture.Posture, r *report.Report) { r.Steps[3].From = "true" },
		"access changed since": func(p *posture.Posture, _ *report.Report) { p.DirectAccess.Version = "d2" },
	} {
		p, r := directShop(), directDone()
		change(&p, &r)
		if undoing, err := Undo(p, []report.Report{r}, witnessed(r)); err == nil && len(undoing.Left) == 0 {
			t.Errorf("%s: steps %s, want an error, or a step that is left", name, operations(undoing.Steps))
		}
	}
}

func TestANewRevisionStaysAndTheOtherStepsAreTakenBack(t *testing.T) {
	redeployed := report.Step{Op: string(redeploy), Resource: shop.Name(), Field: "revision", From: "shop-00001-abc",
		To: "a new revision (redeployImage: pin)", Why: "w", Result: report.StepDone, VersionAfter: "s2"}
	for _, tc := range []struct {
		name, now, want string
		change          func(*report.Step)
	}{
		{"the redeploy was the last write", "s2", "", func(*report.Step) {}},
		{"somebody wrote after the redeploy", "s3", "changed since", func(*report.Step) {}},
		{"a forged redeploy of another service", "s2", "not one of", func(s *report.Step) { s.Resource += "-x" }},
		{"a forged redeploy with another image", "s2", "not what redeploy writes",
			func(s *report.Step) { s.To = "evil:latest" }},
	} {
		p, last := protectedShop(), shopDone()
		step := redeployed
		tc.change(&step)
		p.Service.Version, last.Outcome, last.Steps = tc.now, report.Redeployed, []report.Step{step}
		undoing, err := Undo(p, []report.Report{shopDone(), last}, witnessed(shopDone(), last))
		if tc.want != "" {
			if !strings.Contains(fmt.Sprint(err, whyLeft(undoing)), tc.want) {
				t.Errorf("%s: error %v, left %s, want %q", tc.name, err, whyLeft(undoing), tc.want)
			}
			continue
		}
		if got, want := operations(undoing.Steps), "revoke-public@p2 restrict-ingress@s2 enable-iap@b1 grant-access@a1 "+
			"grant-invoker@p2"; err != nil || got != want {
			t.Errorf("%s: steps %s, error %v, want %s", tc.name, got, err, want)
		}
		if len(undoing.Stays) != 1 || undoing.Stays[0].Op() != redeploy {
			t.Errorf("%s: what stays: %+v", tc.name, undoing.Stays)
		}
	}
}

func TestUndoRefusesWhatMovedAndWhatWasForged(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		change     func(p *posture.Posture, r *report.Report)
	}{
		{"a policy written since", "changed since", func(p *posture.Posture, _ *report.Report) { p.Invokers.Version = "p3" }},
		{"a service written since", "changed since", func(p *posture.Posture, _ *report.Report) { p.Service.Version = "s2" }},
		{"IAP turned off since", "changed since", func(p *posture.Posture, _ *report.Report) { p.Backends[0].IAPOn = false }},
		{"an accessor taken away since", "changed since",
			func(p *posture.Posture, _ *report.Report) { p.Backends[0].Access.Bindings = nil }},
		{"another service", "is about", func(_ *posture.Posture, r *report.Report) { r.Target.Service = "other" }},
		{"another project number", "is about project number",
			func(_ *posture.Posture, r *report.Report) { r.Target.ProjectNumber = "1" }},
		{"a service made anew", "an earlier service", func(p *posture.Posture, _ *report.Report) { p.Service.UID = "v" }},
		{"an unknown operation", "not known",
			func(_ *posture.Posture, r *report.Report) { r.Steps[1].Op = "grant-everything" }},
		{"another's backend service", "not one of", func(_ *posture.Posture, r *report.Report) {
			r.Steps[3].Resource = "projects/other-project/global/backendServices/shop-backend"
		}},
		{"another's service", "not one of", func(_ *posture.Posture, r *report.Report) {
			r.Steps[5].Resource = "projects/demo-project/locations/us-central1/services/other"
		}},
		{"a member that was never public", "not what the operation writes",
			func(_ *posture.Posture, r *report.Report) { r.Steps[5].From = "user:mallory@example.com" }},
		{"a member that stood under a condition", "stood under a condition",
			func(_ *posture.Posture, r *report.Report) { r.Steps[5].Conditional = true }},
		{"a role to own the service", "may allow more than invoking",
			func(_ *posture.Posture, r *report.Report) { r.Steps[5].Field = "roles/owner" }},
		{"a role wider than an invoker's", "may allow more than invoking",
			func(_ *posture.Posture, r *report.Report) { r.Steps[5].Field = "roles/run.developer" }},
		{"another ingress", "not what the operation writes",
			func(_ *posture.Posture, r *report.Report) { r.Steps[4].From = "none" }},
		{"another agent", "not what the operation writes",
			func(_ *posture.Posture, r *report.Report) { r.Steps[1].To = "user:mallory@example.com" }},
	} {
		p, r := protectedShop(), shopDone()
		tc.change(&p, &r)
		undoing, err := Undo(p, []report.Report{r}, witnessed(r))
		if !strings.Contains(fmt.Sprint(err, whyLeft(undoing)), tc.want) || err != nil && len(undoing.Steps) > 0 {
			t.Errorf("%s: error %v with steps %s, want one with %q", tc.name, err, operations(undoing.Steps), tc.want)
		}
	}
}

func TestAccessUnderAConditionIsTakenBackUnderThatCondition(t *testing.T) {
	under := posture.Condition{Title: "t", Expression: "e"}
	p, done := directShop(), directDone()
	p.DirectAccess.Bindings[0].Condition = under.Expression
	done.Steps[2].Condition = report.ConditionOf(under)
	undoing, err := Undo(p, []report.Report{done}, witnessed(done))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range undoing.Steps {
		if change, ok := step.Change.(plan.GrantAccess); ok && change.Condition == plan.Condition(under) {
			return
		}
	}
	t.Errorf("steps %v take nothing back under %s", undoing.Steps, under)
}

func TestUndoRefusesAReportThatLeavesStepsOff(t *testing.T) {
	cut := shopDone()
	cut.Outcome, cut.LeftOff = report.Protected, &report.LeftOff{Steps: 3}
	if undoing, err := Undo(protectedShop(), []report.Report{cut}, witnessed(cut)); err == nil || len(undoing.Steps) > 0 ||
		!strings.Contains(err.Error(), "leaves off 3 steps") {
		t.Errorf("steps %s, error %v", operations(undoing.Steps), err)
	}
}
