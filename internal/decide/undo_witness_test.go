package decide

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

const guardAccount = "iapguard@demo-project.iam.gserviceaccount.com"

var undoBegan = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)

// invokerPolicy is a policy of the shop.
func invokerPolicy(members ...string) *posture.Policy {
	return &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}}
}

// shopWrites are the writes of shopDone and of directDone in the audit log, after the one by
// which the shop was opened. One is made each minute.
func shopWrites() []event.Write {
	on := func(kind event.Kind, service, backend string) event.Write {
		return event.Write{Cause: event.Cause{Kind: kind, Project: shop.Project, Location: shop.Location, Service: service,
			BackendService: backend, Principal: guardAccount, UserAgent: "iapguard/1"}}
	}
	with := func(w event.Write, policy *posture.Policy, settings map[string]string) event.Write {
		w.Policy, w.Settings = policy, settings
		if w.BackendService != "" {
			w.Location = posture.Global
		}
		return w
	}
	accessors := &posture.Policy{Bindings: []posture.Binding{
		{Role: posture.RoleAccessor, Members: []string{"user:alice@example.com"}}}}
	writes := []event.Write{
		with(on(event.RunIAMChanged, "shop", ""), invokerPolicy("allUsers"), nil),
		with(on(event.RunIAMChanged, "shop", ""), invokerPolicy("allUsers", shopAgent), nil),
		with(on(event.IAPPolicyChanged, "", "shop-backend"), accessors, nil),
		with(on(event.IAPPolicyChanged, "shop", ""), accessors, nil),
		with(on(event.BackendServiceChanged, "", "shop-backend"), nil, map[string]string{"iap.enabled": "true"}),
		with(on(event.RunServiceChanged, "shop", ""), nil, map[string]string{"iapEnabled": "true"}),
		with(on(event.RunServiceChanged, "shop", ""), nil,
			map[string]string{"ingress": string(posture.IngressInternalLoadBalancing)}),
		with(on(event.RunIAMChanged, "shop", ""), invokerPolicy(shopAgent), nil),
	}
	writes[0].Principal, writes[0].UserAgent = "dev@example.com", "gcloud/528"
	for i := range writes {
		writes[i].At = undoBegan.Add(time.Duration(i) * time.Minute)
	}
	return writes
}

// remembered is what the memory has of reports' steps that were done.
func remembered(reports ...report.Report) *Remembered {
	known := &Remembered{}
	for _, r := range reports {
		for _, step := range r.Steps {
			if step.Result == report.StepDone {
				known.Wrote = append(known.Wrote, memory.Write{Run: r.RunID, Op: step.Op, Resource: step.Resource,
					Field: step.Field, Value: step.To, Version: step.VersionAfter})
			}
		}
	}
	return known
}

// witnessed has every witness of the steps that reports say were done.
func witnessed(reports ...report.Report) Witnesses {
	return Witnesses{Memory: remembered(reports...), Trail: event.Trail{Writes: shopWrites()},
		Self: event.Self{Principals: []string{guardAccount}}}
}

// whyLeft are the operations that are left, each with the reason.
func whyLeft(undoing Undoing) string {
	var text []string
	for _, left := range undoing.Left {
		text = append(text, string(left.Step.Op())+": "+left.Why)
	}
	return strings.Join(text, "\n")
}

func TestUndoTakesBackOnlyWhatBothWitnessesSay(t *testing.T) {
	const all = "revoke-public@p2 restrict-ingress@s1 enable-iap@b1 grant-access@a1 grant-invoker@p2"
	const notPublic = "restrict-ingress@s1"
	for _, tc := range []struct {
		name   string
		change func(p *posture.Posture, w *Witnesses)
		steps  string
		left   string // a part of why; "" = nothing is left
	}{
		{"both witnesses", func(*posture.Posture, *Witnesses) {}, all, ""},
		{"no memory", func(_ *posture.Posture, w *Witnesses) { w.Memory = nil }, all, ""},
		{"an empty memory", func(_ *posture.Posture, w *Witnesses) { w.Memory = &Remembered{} }, "",
			"revoke-public: the memory does not witness it"},
		{"a memory that cannot be read", func(_ *posture.Posture, w *Witnesses) { w.Memory.Unread = errors.New("denied") }, "",
			"revoke-public: the memory does not witness it: denied"},
		{"a memory of another run", func(_ *posture.Posture, w *Witnesses) {
			for i := range w.Memory.Wrote {
				w.Memory.Wrote[i].Run = "later"
			}
		}, "", `run "later" wrote it again since`},
		{"an audit log that cannot be read", func(_ *posture.Posture, w *Witnesses) {
			w.Trail = event.Trail{Unread: map[string]error{shop.Project: errors.New("denied")}}
		}, "",
			"revoke-public: the audit log does not witness it: denied"},
		{"an empty audit log", func(_ *posture.Posture, w *Witnesses) { w.Trail.Writes = nil }, "",
			"the audit log does not witness it: it shows no such write by " + guardAccount},
		{"another account of our user agent", func(_ *posture.Posture, w *Witnesses) { w.Self.Principals = []string{"a@b.c"} }, "",
			"it shows no such write by a@b.c"},
		{"our account by another tool", func(_ *posture.Posture, w *Witnesses) {
			for i := range w.Trail.Writes {
				w.Trail.Writes[i].UserAgent = "gcloud/528"
			}
		}, "", "the audit log does not witness it"},
		{"never public: the grant alone was ours", func(_ *posture.Posture, w *Witnesses) {
			w.Trail.Writes[0].Policy, w.Trail.Writes[1].Policy = invokerPolicy(), invokerPolicy(shopAgent)
		}, notPublic, "revoke-public: the audit log does not witness it"},
		{"public under a condition before", func(_ *posture.Posture, w *Witnesses) {
			w.Trail.Writes[1].Policy = invokerPolicy("allUsers", shopAgent)
			w.Trail.Writes[1].Policy.Bindings[0].Condition = "e"
		}, notPublic, "revoke-public: the audit log does not witness it"},
		{"what was before is not known", func(p *posture.Posture, w *Witnesses) {
			p.Service.CreatedAt = undoBegan.Add(-time.Hour)
			w.Trail.From = undoBegan.Add(90 * time.Second)
		}, notPublic, "revoke-public: the audit log does not witness it"},
		{"an entry of an earlier service of the name", func(p *posture.Posture, _ *Witnesses) {
			p.Service.CreatedAt = undoBegan.Add(time.Hour)
		}, "", "the audit log does not witness it"},
		{"an accessor who had access before", func(_ *posture.Posture, w *Witnesses) {
			before := w.Trail.Writes[2]
			before.At, before.Principal = undoBegan.Add(-time.Minute), "dev@example.com"
			w.Trail.Writes = slices.Insert(w.Trail.Writes, 0, before)
		}, "revoke-public@p2 restrict-ingress@s1 enable-iap@b1 grant-invoker@p2",
			"grant-access: the audit log does not witness it"},
		{"a backend service that was written since", func(_ *posture.Posture, w *Witnesses) {
			later := w.Trail.Writes[4]
			later.At, later.Principal = undoBegan.Add(time.Hour), "dev@example.com"
			w.Trail.Writes = append(w.Trail.Writes, later)
		}, "revoke-public@p2 restrict-ingress@s1", "enable-iap: it was changed since"},
		{"a policy that was written since", func(p *posture.Posture, _ *Witnesses) { p.Invokers.Version = "p3" },
			"restrict-ingress@s1", "revoke-public: it was changed since"},
	} {
		p := protectedShop()
		w := witnessed(shopDone())
		tc.change(&p, &w)
		undoing, err := Undo(p, []report.Report{shopDone()}, w)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if diff := cmp.Diff(tc.steps, operations(undoing.Steps)); diff != "" {
			t.Errorf("%s: steps (-want +got):\n%s", tc.name, diff)
		}
		if left := whyLeft(undoing); !strings.Contains(left, tc.left) || (tc.left == "") != (left == "") {
			t.Errorf("%s: left\n%s\nwant %q", tc.name, left, tc.left)
		}
	}
}

func TestAReplayedReportTakesNothingBack(t *testing.T) {
	p := protectedShop() // undone, and protected anew by another run
	p.Service.Version, p.Invokers.Version = "s9", "p9"
	w := witnessed(shopDone())
	w.Memory = nil
	for i, write := range shopWrites() {
		write.At = write.At.Add(time.Hour)
		if i > 0 {
			w.Trail.Writes = append(w.Trail.Writes, write)
		}
	}
	r := shopDone()
	for i := range r.Steps {
		at := undoBegan.Add(time.Duration(i) * time.Minute)
		r.Steps[i].At = &at
	}
	undoing, err := Undo(p, []report.Report{r}, w)
	if err != nil || len(undoing.Steps) > 0 || len(undoing.Left) != 5 {
		t.Errorf("steps %s, left\n%s\n%v", operations(undoing.Steps), whyLeft(undoing), err)
	}
}

func TestUndoRefusesAReportThatLacksAStepOfItsRun(t *testing.T) {
	w, r := witnessed(shopDone()), shopDone()
	plan := memory.Plan{Run: r.RunID, Service: shop.Name(), UID: "u"}
	for _, step := range r.Steps {
		plan.Steps = append(plan.Steps, rawOf(t, step))
	}
	w.Memory.Runs = []memory.Plan{plan}
	if undoing, err := Undo(protectedShop(), []report.Report{r}, w); err != nil || len(undoing.Steps) != 5 {
		t.Errorf("a whole report: steps %s, %v", operations(undoing.Steps), err)
	}
	r.Steps = r.Steps[:5]
	if _, err := Undo(protectedShop(), []report.Report{r}, w); err == nil ||
		!strings.Contains(err.Error(), "lacks step revoke-public") {
		t.Errorf("a truncated report: %v", err)
	}
	// The plan of the run stands in for a write that the service's record has dropped.
	w.Memory.Wrote = nil
	if undoing, err := Undo(protectedShop(), []report.Report{shopDone()}, w); err != nil || len(undoing.Steps) != 5 {
		t.Errorf("by the plan alone: steps %s, %v\n%s", operations(undoing.Steps), err, whyLeft(undoing))
	}
	w.Memory.Runs[0].UID = "of an earlier service"
	if undoing, err := Undo(protectedShop(), []report.Report{shopDone()}, w); err != nil || len(undoing.Steps) != 0 {
		t.Errorf("by the plan of an earlier service: steps %s, %v", operations(undoing.Steps), err)
	}
}

func TestThePublicGetsBackTheInvokersRoleAlone(t *testing.T) {
	for name, change := range map[string]func(*report.Step){
		"stood under a condition":                func(s *report.Step) { s.Conditional = true },
		"the public gets back roles/run.invoker": func(s *report.Step) { s.Field = "roles/run.servicesInvoker" },
	} {
		r := shopDone()
		change(&r.Steps[5])
		undoing, err := Undo(protectedShop(), []report.Report{r}, witnessed(r))
		if left := whyLeft(undoing); err != nil || !strings.Contains(left, name) || len(undoing.Opens) > 0 {
			t.Errorf("%s: left\n%s\n%v, opens %v", name, left, err, undoing.Opens)
		}
	}
}

func rawOf(t *testing.T, step report.Step) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(step)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
