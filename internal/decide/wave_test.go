package decide

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// keptRun is a run whose steps were taken at these minutes after noon; a negative one was only
// planned.
func keptRun(id, service, digest string, minutes ...int) memory.Plan {
	kept := memory.Plan{Run: id, Service: service, UID: "uid", Policy: digest}
	for _, minute := range minutes {
		at := noon.Add(time.Duration(minute) * time.Minute)
		step := report.Step{Op: "restrict-ingress", Resource: service, Result: report.StepDone, At: &at}
		if minute < 0 {
			step.Result, step.At = report.StepPlanned, nil
		}
		raw, err := json.Marshal(step)
		if err != nil {
			panic(err)
		}
		kept.Steps = append(kept.Steps, raw)
	}
	return kept
}

func TestAWaveChoosesTheRunsOfItsPolicyAndTime(t *testing.T) {
	const there = "/locations/us-central1/services/"
	const a, b = "projects/demo-project" + there + "a", "projects/other-project" + there + "b"
	in := func(project, location, service string) Wave {
		return Wave{Policy: "d1", Since: noon.Add(time.Minute),
			Scopes: []posture.Scope{{Project: project, Location: location, Service: service}}}
	}
	moved := keptRun("moved", a, "d2", 5)
	moved.Earlier = []string{"d1"}
	broken := keptRun("broken", a, "d1", 5)
	broken.Steps = append(broken.Steps, json.RawMessage(`{"op":7}`))
	truncated := keptRun("truncated", b, "d1", 7)
	truncated.Truncated = true
	all := []memory.Plan{
		keptRun("late", a, "d1", 20), keptRun("b", b, "d1", 6), keptRun("early", a, "d1", 1, 10), keptRun("before", a, "d1", 0),
		keptRun("other", a, "d2", 10), keptRun("nothing done", a, "d1", -1), moved, broken, truncated,
		keptRun("no service", "x", "d1", 10), keptRun("failed since", a, "", 10),
	}
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	for _, tc := range []struct {
		name string
		wave Wave
		want []string // service: runs, the oldest first
	}{
		{"all of a version", Wave{Policy: "d1", Since: at(1)}, []string{"a: moved early late", "b: b truncated"}},
		{"until a time", Wave{Policy: "d1", Since: at(1), Until: at(20)}, []string{"a: moved early", "b: b truncated"}},
		{"in a project", in("other-project", "", ""), []string{"b: b truncated"}},
		{"of a service", in("demo-project", "us-central1", "a"), []string{"a: moved early late"}},
		{"elsewhere", in("demo-project", "europe-west1", ""), nil},
		{"another version", Wave{Policy: "d2", Since: at(1)}, []string{"a: moved other"}},
		{"no version", Wave{Since: at(1)}, nil},
		{"later", Wave{Policy: "d1", Since: at(21)}, nil},
	} {
		var got []string
		for _, one := range tc.wave.Runs(all) {
			var ids []string
			for _, r := range one.Reports {
				ids = append(ids, r.RunID)
			}
			got = append(got, one.Target.Service+": "+strings.Join(ids, " "))
			if one.Target.Service == "b" && !slices.Equal(one.Truncated, []string{"truncated"}) {
				t.Errorf("%s: truncated %q", tc.name, one.Truncated)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestOneChangeOfTwoRunsIsTakenBackOnce(t *testing.T) {
	first, second := shopDone(), shopDone()
	second.RunID = "second"
	w := witnessed(second)
	undoing, err := Undo(protectedShop(), []report.Report{first, second}, w)
	if err != nil || len(undoing.Left) > 0 {
		t.Fatalf("%v, left %q", err, whyLeft(undoing))
	}
	var ops []string
	for _, step := range undoing.Steps {
		ops = append(ops, string(step.Op()))
	}
	if sorted := slices.Compact(slices.Sorted(slices.Values(ops))); len(sorted) != len(ops) {
		t.Errorf("taken back twice: %q", ops)
	}
}

func TestAForgedStepHasNoWitness(t *testing.T) {
	forged := shopDone()
	w := witnessed(forged)
	w.Trail.Writes = nil
	undoing, err := Undo(protectedShop(), []report.Report{forged}, w)
	if err != nil || len(undoing.Left) == 0 {
		t.Fatalf("%v, %+v", err, undoing)
	}
	for _, left := range undoing.Left {
		if left.Witnessed {
			t.Errorf("%s: the log shows nothing, and a witness is named", left.Step.Op())
		}
	}
	w.Trail = witnessed().Trail
	moved := protectedShop()
	moved.Service.Ingress, moved.Service.Version = posture.IngressInternal, "s9"
	undoing, err = Undo(moved, []report.Report{forged}, w)
	if err != nil || len(undoing.Left) != 1 || !undoing.Left[0].Witnessed {
		t.Errorf("%v, %+v: want what moved left, with a witness", err, undoing.Left)
	}
}

func TestServicesAreHeldOneByOneOrByTheirProjects(t *testing.T) {
	var targets []posture.Target
	for _, service := range []string{"a", "b", "c"} {
		targets = append(targets, posture.Target{Project: "p", Location: "l", Service: service})
	}
	if got := ToHold(targets, 3); len(got) != 3 || got[0].Service != "a" {
		t.Errorf("three holds are enough: %v", got)
	}
	if diff := cmp.Diff([]posture.Scope{{Project: "p"}}, ToHold(targets, 2)); diff != "" {
		t.Errorf("two are not (-want +got):\n%s", diff)
	}
}

func TestABackendServiceElsewhereIsWitnessedByItsProject(t *testing.T) {
	const host = "host-project"
	for name, tc := range map[string]struct {
		logged string // the project of the entries about the backend service
		unread map[string]error
		want   string
	}{
		"its own log": {host, nil,
			"revoke-public@p2 restrict-ingress@s1 enable-iap@b1 grant-access@a1 grant-invoker@p2"},
		"the service's log": {shop.Project, nil, "revoke-public@p2 restrict-ingress@s1"},
		"no log": {host, map[string]error{host: errors.New("denied")},
			"revoke-public@p2 restrict-ingress@s1"},
	} {
		p, done := protectedShop(), shopDone()
		p.Backends[0].Project = host
		for i := range done.Steps {
			done.Steps[i].Resource = strings.Replace(done.Steps[i].Resource, shopBack, p.Backends[0].Resource(), 1)
		}
		w := witnessed(done)
		for i := range w.Trail.Writes {
			if w.Trail.Writes[i].BackendService != "" {
				w.Trail.Writes[i].Project = tc.logged
			}
		}
		w.Trail.Unread = tc.unread
		undoing, err := Undo(p, []report.Report{done}, w)
		if got := operations(undoing.Steps); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v, want %q\nleft %s", name, got, err, tc.want, whyLeft(undoing))
		}
	}
}
