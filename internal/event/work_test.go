package event

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func someWork() Work {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	target := posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	return Work{Target: target, NotBefore: at.Add(time.Second), GiveUpAt: at.Add(time.Hour), Cause: Cause{
		Kind: CommandReceived, Key: "k", EventID: "e", Method: "m", Principal: "p", UserAgent: "u",
		CallerIP: "203.0.113.1", At: at,
		Project: "demo-project", Location: "us-central1", Service: "hello",
		Command: &Command{Name: "apply", PlanID: "abc", ID: "1", Target: target.Name()},
		Symptom: &Symptom{Status: 403, Text: "t"},
	}}
}

func TestWorkIsReadAsItWasWritten(t *testing.T) {
	data, err := someWork().Encode()
	if err != nil {
		t.Fatal(err)
	}
	wrapped := []byte(`{"message":{"data":"` + base64.StdEncoding.EncodeToString(data) +
		`","messageId":"7"},"subscription":"s","deliveryAttempt":3}`)
	for name, body := range map[string][]byte{"bare": data, "wrapped": wrapped} {
		got, err := ParseWork(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(someWork(), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A write of a backend service counts as a round of a contest only where the work says
// which one it was.
func TestWorkKeepsThatTheWholeRecipeIsApproved(t *testing.T) {
	want := someWork()
	want.Cause.Command.Name, want.Cause.Command.WholeRecipe = "approve", true
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseWork(data)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWorkKeepsTheBackendServiceOfItsCause(t *testing.T) {
	want := someWork()
	want.Cause = Cause{Kind: BackendServiceChanged, Key: "k", At: want.Cause.At,
		Project: "123456789012", Location: "global", BackendService: "hello-backend"}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseWork(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWorkMayBeToListTheServicesOfAProject(t *testing.T) {
	want := someWork()
	want.List, want.Target = true, posture.Target{Project: "demo-project"}
	want.Cause.Location, want.Cause.Service = "", ""
	want.Cause.Command.Target = "projects/demo-project"
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseWork(data)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestForeignWorkMessagesAreRefused(t *testing.T) {
	good, err := someWork().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, body, want string }{
		{"not JSON", "nonsense", "reading work"},
		{"a log entry", `{"logName":"x","insertId":"y"}`, "unknown field"},
		{"an empty push", `{"message":{"data":""}}`, "EOF"},
		{"another version", strings.Replace(string(good), `"iapguardWork":1`, `"iapguardWork":2`, 1), "version 2"},
		{"a target that leaves the path", strings.Replace(string(good), "services/hello", "services/../x", 1),
			"is not a resource name"},
		{"no target", strings.Replace(string(good), "projects/demo-project/locations/us-central1/services/hello",
			"projects/demo-project", 1), "names no service"},
		{"a list of a service", strings.Replace(string(good), `"target"`, `"list":true,"target"`, 1), "names no project"},
		{"no key", strings.Replace(string(good), `"key":"k"`, `"key":""`, 1), "no kind or key"},
		{"no end", strings.Replace(string(good), `"giveUpAt":"2026-11-23T13:00:00Z",`, "", 1), "giveUpAt is missing"},
		{"a backend service that leaves the path", strings.Replace(string(good), `"cause":{`,
			`"cause":{"backendService":{"project":"demo-project","location":"global","name":"../x"},`, 1), "no valid name"},
		{"the whole recipe by apply", strings.Replace(string(good), `"name":"apply"`, `"name":"apply","wholeRecipe":true`, 1),
			"takes no whole recipe"},
		{"two messages", string(good) + string(good), "invalid character"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ParseWork([]byte(tc.body)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
