package decide

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/report"
)

const us = "iapguard@demo-project.iam.gserviceaccount.com"

// ourselves is who we are, "" for somebody who does not know.
func ourselves(account string) event.Self {
	if account == "" {
		return event.Self{}
	}
	return event.Self{Principals: []string{account}}
}

// fought is a service behind a global backend service.
func fought() posture.Posture {
	return posture.Posture{
		Target: hello, ProjectNumber: "123456789012",
		Backends: []posture.Backend{{Project: "demo-project", Location: posture.Global, Name: "hello-backend", ID: "77"}},
	}
}

var (
	enable = plan.Step{Change: plan.EnableIAP{}, Resource: "projects/demo-project/global/backendServices/hello-backend"}
	narrow = plan.Step{Change: plan.RestrictIngress{From: posture.IngressAll, To: posture.IngressInternalLoadBalancing},
		Resource: hello.Name()}
)

// at is a minute of the story.
func at(minute int) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(minute) * time.Minute) }

// by makes a write ours, or Terraform's.
func by(minute int, ours bool, w event.Write) event.Write {
	w.At, w.Principal, w.UserAgent, w.Project = at(minute), "dev@example.com", "Terraform/1.13", "demo-project"
	if ours {
		w.Principal, w.UserAgent = us, "iapguard/0.1.0,gzip(gfe)"
	}
	return w
}

func iap(minute int, ours bool, value string) event.Write {
	w := event.Write{Cause: event.Cause{Kind: event.BackendServiceChanged, Location: posture.Global,
		BackendService: "hello-backend"}}
	switch value {
	case "?": // the entry does not say
	case "-":
		w.Complete = true
	case "anew":
		w.Recreated = true
	default:
		w.Complete, w.Settings = true, map[string]string{"iap.enabled": value}
	}
	return by(minute, ours, w)
}

func service(minute int, ours bool, field, value string) event.Write {
	w := event.Write{Cause: event.Cause{Kind: event.RunServiceChanged, Location: "us-central1", Service: "hello"},
		Complete: true}
	w.Settings = map[string]string{field: value}
	return by(minute, ours, w)
}

// turnedOn is a memory in which we turned IAP on at a time, after it had been undone at
// these.
func turnedOn(wrote time.Time, undone ...time.Time) *memory.Service {
	known := &memory.Service{UID: "uid"}
	known.AddWrite(memory.Write{Run: "r", Op: string(enableIAP), Resource: iapStep.Resource, Field: "iap.enabled", At: wrote})
	for _, at := range undone {
		known.AddUndo(memory.Undo{Field: fieldOf(iapStep), By: "dev@example.com", Tool: "Terraform/1.13", At: at})
	}
	return known
}

func ago(seconds int) time.Time { return noon.Add(-time.Duration(seconds) * time.Second) }

func TestAFieldIsContestedFromTheThirdTimeOnThatItWasUndone(t *testing.T) {
	for _, tc := range []struct {
		name   string
		known  *memory.Service
		rounds int       // 0 = it is not contested
		due    time.Time // when IAP is turned on again; zero = now
	}{
		{"nothing is remembered", nil, 0, time.Time{}},
		{"we never wrote it", &memory.Service{}, 0, time.Time{}},
		{"undone once", turnedOn(ago(10)), 0, time.Time{}},
		{"undone twice", turnedOn(ago(10), ago(20)), 0, time.Time{}},
		{"three times", turnedOn(ago(10), ago(30), ago(20)), 3, ago(-50)},
		{"three times, and the last is noted", turnedOn(ago(20), ago(30), ago(25), ago(10)), 3, ago(-40)},
		{"four times", turnedOn(ago(59), ago(90), ago(80), ago(70)), 4, ago(-1)},
		{"the pause is over", turnedOn(ago(60), ago(90), ago(80), ago(70)), 4, time.Time{}},
		{"more than a day ago", turnedOn(ago(10), noon.Add(-25*time.Hour), noon.Add(-24*time.Hour), ago(20)), 0, time.Time{}},
		{"at a time that lies ahead", turnedOn(ago(10), ago(-30), ago(-20), ago(-10)), 0, time.Time{}},
		{"we wrote it at a time that lies ahead", turnedOn(ago(-10), ago(30), ago(20)), 0, time.Time{}},
	} {
		s := deployed()
		s.facts.Memory = tc.known
		d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
		d.assess()
		d.contests()
		got := 0
		if d.contest != nil {
			got = len(d.contest.rounds)
		}
		at := slices.IndexFunc(d.plan.Steps, func(s plan.Step) bool { return s.Op() == enableIAP })
		if got != tc.rounds || !d.plan.Steps[at].NotBefore.Equal(tc.due) {
			t.Errorf("%s: %d rounds, due %v; want %d, due %v", tc.name, got, d.plan.Steps[at].NotBefore, tc.rounds, tc.due)
		}
	}
}

func TestAGrantThatOthersTakeAwayIsRepairedAtOnce(t *testing.T) {
	s := deployed()
	taken := plan.Step{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: posturetest.Agent}, Resource: hello.Name()}
	known := &memory.Service{UID: "uid"}
	known.AddWrite(memory.Write{Run: "r", Op: string(grantInvoker), Resource: hello.Name(), Field: taken.Field(), At: ago(1)})
	for _, second := range []int{5, 4, 3, 2} {
		known.AddUndo(memory.Undo{Field: fieldOf(taken), At: ago(second)})
	}
	s.facts.Memory = known
	if got := s.decide(); len(got.Waves) != 6 {
		t.Errorf("%s with %d waves, want all six now", got.Outcome, len(got.Waves))
	}
	// The public in the same role, which others keep bringing back, goes after a pause.
	public := plan.Step{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}, Resource: hello.Name()}
	known.AddWrite(memory.Write{Run: "r", Op: string(revokePublic), Resource: hello.Name(), Field: public.Field(), At: ago(1)})
	for _, second := range []int{5, 4, 3} {
		known.AddUndo(memory.Undo{Field: fieldOf(public), At: ago(second)})
	}
	if got := s.decide(); len(got.Waves) != 5 {
		t.Errorf("%s with %d waves, want all but the last now", got.Outcome, len(got.Waves))
	}
}

// Somebody who takes the agent away for the third time, and opens the door as well, must
// not have the door forgotten: what is due later is waited for.
func TestAContestOfOneFieldWaitsForTheOthers(t *testing.T) {
	s := deployed()
	settings := s.rules.settings
	settings.Settle, settings.Quiet = 30*time.Second, 10*time.Second
	s.rules = rules{settings: settings}
	s.facts.Posture.Service.UpdatedAt, s.facts.Posture.Invokers.ChangedAt = ago(1), ago(1)
	taken := plan.Step{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: posturetest.Agent}, Resource: hello.Name()}
	known := &memory.Service{UID: "uid"}
	known.AddWrite(memory.Write{Run: "r", Op: string(grantInvoker), Resource: hello.Name(), Field: taken.Field(), At: ago(60)})
	for _, second := range []int{120, 240} {
		known.AddUndo(memory.Undo{Field: fieldOf(taken), At: ago(second)})
	}
	s.facts.Memory = known
	got := s.decide()
	if got.Outcome != report.Contested || got.WaitingFor == nil || got.WaitingFor.Until == nil ||
		!got.WaitingFor.Until.Equal(ago(-9)) {
		t.Errorf("%s, waiting for %+v: want it contested until the first grant is due in 9 s", got.Outcome, got.WaitingFor)
	}
	settings.Mode = "report-only"
	s.rules = rules{settings: settings}
	if got := s.decide(); got.WaitingFor != nil {
		t.Errorf("%s, waiting for %+v in mode report-only: want nothing to be waited for", got.Outcome, got.WaitingFor)
	}
}

func TestTheAgentsCreationAloneIsNotRepeated(t *testing.T) {
	s := deployed()
	d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
	d.assess()
	for i := range d.plan.Steps[1:] {
		d.plan.Steps[i+1].NotBefore = noon.Add(time.Minute)
	}
	if due, _ := d.due(); len(due) != 1 {
		t.Fatalf("%d steps are due, want the creation alone", len(due))
	}
	done := report.StepOf(d.plan.Steps[0], report.StepDone)
	done.At = &noon
	d.run.Done = append(d.run.Done, done)
	if due, _ := d.due(); len(due) != 0 {
		t.Errorf("%d steps are due, want none: it was taken", len(due))
	}
}

func TestAContestNamesWhoAndWhatToWriteForEveryField(t *testing.T) {
	s := deployed()
	s.facts.Memory = turnedOn(ago(10), ago(30), ago(20))
	other := event.Write{Cause: event.Cause{Kind: event.BackendServiceChanged, Project: hello.Project, Location: posture.Global,
		BackendService: "hello-backend", Principal: "ops@example.com", UserAgent: "gcloud/528.0.0", At: ago(5)},
		Complete: true, Settings: map[string]string{"iap.enabled": "false"}}
	s.facts.History = &History{Writes: []event.Write{other}}
	d := &decider{facts: s.facts, rules: Settings{Policy: s.rules}, request: s.request, now: noon}
	d.assess()
	d.contests()
	got := d.endContested()
	first, last := ago(30), noon
	want := &report.Contest{Rounds: 3, FirstAt: &first, LastAt: &last, Field: "iap.enabled", Fix: got.Contest.Fix,
		Actors: []report.Actor{
			{Principal: "dev@example.com", UserAgent: "Terraform/1.13"}, {Principal: "ops@example.com", UserAgent: "gcloud/528.0.0"},
		}}
	if diff := cmp.Diff(want, got.Contest); diff != "" {
		t.Errorf("contest (-want +got):\n%s", diff)
	}
	fix := got.Contest.Fix
	for _, part := range []string{"--iap=enabled", `ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`, "allUsers"} {
		if !strings.Contains(fix, part) {
			t.Errorf("the fix lacks %q:\n%s", part, fix)
		}
	}
	if !strings.HasPrefix(fix, "# gcloud\n") {
		t.Errorf("the last tool's fix is not the first:\n%s", fix)
	}
	if got.WaitingFor == nil || !got.WaitingFor.Until.Equal(ago(-50)) {
		t.Errorf("waits %+v, want until the pause is over", got.WaitingFor)
	}
}

func TestAnUndoIsNotedOnceWithTheEventsCaller(t *testing.T) {
	s := deployed()
	s.facts.Memory = turnedOn(ago(10))
	s.request.Cause = event.Cause{Kind: event.BackendServiceChanged, Key: "k", At: ago(3), Project: hello.Project,
		Location: posture.Global, BackendService: "hello-backend", Principal: "dev@example.com", UserAgent: "Terraform/1.13"}
	want := []memory.Undo{{Field: fieldOf(iapStep), By: "dev@example.com", Tool: "Terraform/1.13", At: noon,
		OpenSince: ago(3)}}
	if diff := cmp.Diff(want, s.decide().Remember.Undone); diff != "" {
		t.Errorf("undone (-want +got):\n%s", diff)
	}
	s.facts.Memory.AddUndo(want[0])
	if got := s.decide().Remember.Undone; len(got) > 0 {
		t.Errorf("noted again: %+v", got)
	}
}
