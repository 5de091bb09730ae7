package report

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
)

func full() Report {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	doors := []Door{{Kind: door.DefaultURL, Address: "https://hello-abc-uc.a.run.app", Via: "v",
		Names: "shop.example.com", Guard: door.GuardOpen},
		{Kind: door.InternalLoadBalancer, Address: "", Via: "v", Guard: door.GuardUnknown, Why: "w", Exempt: "e", Backend: "b"},
		{Kind: door.TagURL, Address: "a", Guard: door.GuardIAM},
		{Kind: door.LoadBalancer, Via: "v", Guard: door.GuardIAP, Count: 7}}
	return Report{
		RunID: "r", PlanID: "0123456789abcdef", ObservedAt: at, Version: "0.1.0", Outcome: Started, Mode: policy.Enforce,
		Target: &Target{Project: "demo-project", ProjectNumber: "123456789012", Location: "us-central1", Service: "hello",
			Kind: KindInstance, UID: "u", Labels: map[string]string{"team": "a"}},
		Policy: &Policy{Digest: "none", Rule: "default", SkippedRules: []string{"w"}},
		Cause: Cause{Kind: "run-service-changed", Key: "k", EventID: "e", Method: "m", Principal: "p", UserAgent: "u",
			CallerIP: "203.0.113.1", At: &at},
		Command:    &Command{Name: "apply", ID: "i", By: "op@guard-prod.iam.gserviceaccount.com", PlanID: "0123456789abcdef"},
		ApprovedBy: "op@guard-prod.iam.gserviceaccount.com",
		Findings:   []Finding{{Code: protection.IAPOff, Severity: protection.High, Resource: "r", Why: "w"}},
		Steps: []Step{{Op: "enable-iap", Resource: "r", Field: "f", From: "false", To: "true", Change: []byte(`{}`),
			Why: "w", Condition: &Condition{Title: "t", Expression: "e", Description: "d"}, Conditional: true, Result: StepDone,
			At: &at, NotBefore: &at, VersionBefore: "1", VersionAfter: "2"}},
		Accessors:        []Named{{Member: "group:staff@example.com", Conditional: true, Inherited: true}},
		AccessorsLeftOff: 2, AccessorsAtLeast: true, InvokersAtLeast: true,
		Invokers: []Named{{Member: "user:alice@example.com", Conditional: true, Inherited: true}}, InvokersLeftOff: 1,
		DoorsBefore: doors, Doors: doors, Exposed: door.Yes, ExposedSince: &at, ExposedUntil: &at,
		ClosesAt:   &at,
		WaitingFor: &WaitingFor{What: "w", Who: "x", Since: &at, Until: &at}, Advice: []string{"a"},
		Verdict: "STUCK_REVISION", Why: "w", Evidence: []Evidence{{What: "w", Found: "f"}},
		ExpectedAudience: []string{"/projects/1/global/backendServices/2"},
		Unread:           []Unread{{Resource: "r", Why: "w", Permission: "p"}},
		Callers: []Caller{
			{Kind: caller.Visitor, Name: "", Address: "https://a", RemoteIP: "203.0.113.1", Requests: 1, Preflights: 1, Unused: true, LastSeen: &at,
				Impact: caller.Breaks, Why: "w", Remedy: "c"},
			{Kind: caller.SchedulerJob, Name: "n", Address: "https://a/b", Principal: "p", Audience: "a",
				Impact: caller.StaysIn},
		},
		Exemption: &Exemption{Owner: "o", Ticket: "t", Reason: "r", Expires: at},
		Contest: &Contest{Rounds: 3, FirstAt: &at, LastAt: &at, Actors: []Actor{{Principal: "p", UserAgent: "u"}},
			Field: "iap.enabled", Fix: "x"}, Calls: 1, ElapsedMS: 2, Truncated: true, Accepted: true,
		LeftOff: &LeftOff{Advice: 1, Callers: 1, Doors: 1, DoorsBefore: 1, Evidence: 1, ExpectedAudience: 1, Findings: 1,
			Labels: 1, Actors: 1, PassedOver: 1, Steps: 1, Unread: 1},
	}
}

func validate(t *testing.T, data []byte) error {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("report.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestAReportWithEveryFieldFitsTheSchema(t *testing.T) {
	for _, outcome := range []Outcome{Compliant, Started, Protected, Planned, Redeployed, Exempt, Held, Waiting, Deferred,
		Contested, Blocked, Failed} {
		r := full()
		r.Outcome = outcome
		event, err := r.Event("own-project")
		if err != nil {
			t.Fatalf("%s: %v", outcome, err)
		}
		if err := validate(t, event.Data()); err != nil {
			t.Errorf("%s: %v", outcome, err)
		}
	}
}

func TestTheSchemaRefusesWhatIsNoReport(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"an unknown field":    func(m map[string]any) { m["surprise"] = 1 },
		"an unknown outcome":  func(m map[string]any) { m["outcome"] = "fine" },
		"no target":           func(m map[string]any) { delete(m, "target") },
		"no cause":            func(m map[string]any) { delete(m, "cause") },
		"a time that is none": func(m map[string]any) { m["observedAt"] = "yesterday" },
	} {
		text, err := json.Marshal(full())
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		change(fields)
		if text, err = json.Marshal(fields); err != nil {
			t.Fatal(err)
		}
		if validate(t, text) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestTheEventIsNamedAfterCauseTargetAndOutcome(t *testing.T) {
	r := full()
	event, err := r.Event("own-project")
	if err != nil {
		t.Fatal(err)
	}
	if event.Type() != "dev.iapguard.report.v1.started" || event.Source() != "//iapguard/projects/demo-project" ||
		event.Subject() != "projects/demo-project/locations/us-central1/instances/hello" {
		t.Errorf("type %q source %q subject %q", event.Type(), event.Source(), event.Subject())
	}
	again := full()
	again.RunID, again.ElapsedMS = "another", 99
	if again.ID() != r.ID() {
		t.Error("the same cause, target and outcome have two ids")
	}
	for name, change := range map[string]func(*Report){
		"cause": func(r *Report) { r.Cause.Key = "k2" }, "outcome": func(r *Report) { r.Outcome = Protected },
		"target": func(r *Report) { r.Target.Service = "other" },
	} {
		other := full()
		change(&other)
		if other.ID() == r.ID() {
			t.Errorf("another %s has the same id", name)
		}
	}
}

func TestWhatCannotBeReadOrResolvedIsReportedWithoutATarget(t *testing.T) {
	for outcome, fits := range map[Outcome]bool{Rejected: true, Blocked: true, Protected: false} {
		r := Report{RunID: "r", ObservedAt: time.Now(), Version: "0.1.0", Outcome: outcome,
			Cause: Cause{Kind: "unreadable", Key: "sha256:x"}}
		event, err := r.Event("own-project")
		if err != nil {
			t.Fatal(err)
		}
		if event.Source() != "//iapguard/projects/own-project" || event.Subject() != "" {
			t.Errorf("%s: source %q, subject %q", outcome, event.Source(), event.Subject())
		}
		if err := validate(t, event.Data()); (err == nil) != fits {
			t.Errorf("%s: fits its schema: %t, want %t: %v", outcome, err == nil, fits, err)
		}
	}
}

func TestPublishedTimesHaveMicroseconds(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.FixedZone("", 3600))
	r := full()
	r.ObservedAt, r.ExposedSince, r.Cause.At = at, &at, &at
	event, err := r.Event("own-project")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ObservedAt, ExposedSince string
		Cause                    struct{ At string }
	}
	if err := json.Unmarshal(event.Data(), &got); err != nil {
		t.Fatal(err)
	}
	const want = "2026-11-23T08:00:00.123456Z"
	if got.ObservedAt != want || got.ExposedSince != want || got.Cause.At != want {
		t.Errorf("%+v, want %s each", got, want)
	}
}

func TestPublishedIsWhatTheStandardLibraryWrites(t *testing.T) {
	for _, r := range []Report{full(),
		{RunID: "r", Version: "0.1.0", Outcome: Rejected, Cause: Cause{Kind: "<unreadable>", Key: "k"}}} {
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		event, err := r.Event("own-project")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(event.Data())); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestMinutesAreWholeAndKnownOnlyWhereTheirBeginningIs(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	for _, tc := range []struct {
		name             string
		r                Report
		exposed, waiting int64 // -1 = not known
	}{
		{"nothing", Report{}, -1, -1},
		{"open now", Report{ExposedSince: ago(90 * time.Second)}, 1, -1},
		{"closed", Report{ExposedSince: ago(time.Hour), ExposedUntil: ago(15 * time.Minute)}, 45, -1},
		{"clocks disagree", Report{ExposedSince: ago(-time.Hour)}, 0, -1},
		{"waiting", Report{WaitingFor: &WaitingFor{Since: ago(24 * time.Hour)}}, -1, 1440},
		{"waiting, nobody knows since when", Report{WaitingFor: &WaitingFor{}}, -1, -1},
	} {
		tc.r.ObservedAt = now
		for name, each := range map[string]struct {
			of   func() (int64, bool)
			want int64
		}{"exposed": {tc.r.ExposedMinutes, tc.exposed}, "waiting": {tc.r.WaitingMinutes, tc.waiting}} {
			if got, known := each.of(); known != (each.want >= 0) || known && got != each.want {
				t.Errorf("%s: %s for %d minutes, known: %t, want %d", tc.name, name, got, known, each.want)
			}
		}
	}
}

func TestCodesAreListedOnceInTheirOrder(t *testing.T) {
	r := Report{Findings: []Finding{{Code: "B"}, {Code: "A"}, {Code: "B"}}}
	if diff := cmp.Diff([]string{"B", "A"}, r.Codes()); diff != "" {
		t.Error(diff)
	}
}
