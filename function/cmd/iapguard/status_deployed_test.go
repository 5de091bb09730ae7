package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestStatusShowsWhatWaitsInTheQueues(t *testing.T) {
	o := deployedIn(t, cloudtest.Policy())
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	status := func(flags ...string) string {
		t.Helper()
		out, err := say(t, append([]string{"status", "--endpoint", o.URL()}, flags...)...)
		if err != nil {
			t.Fatalf("status: %q, %v", out, err)
		}
		return out
	}
	if out := status(); !strings.Contains(out, "ago): nothing waits in 5 subscriptions\n") {
		t.Errorf("where nothing waits:\n%s", out)
	}
	letter := delivery.Message{Topic: playground.DeadLettersTopic, Data: []byte("x")}
	if _, err := o.Broker.Publish(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if out := status(); strings.Contains(out, "nothing waits") ||
		!strings.Contains(out, "! iapguard-dead-letters: 1 message, the oldest for less than a minute\n") {
		t.Errorf("with a dead letter:\n%s", out)
	}
	var shown struct{ Queues queuesStatus }
	if err := json.Unmarshal([]byte(status("--format", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	dead := shown.Queues.Subscriptions[1]
	if dead.Subscription != "iapguard-dead-letters" || *dead.Messages != 1 || dead.OldestSeconds == nil ||
		dead.At.IsZero() || len(shown.Queues.Unread) != 0 {
		t.Errorf("as JSON: %+v", shown.Queues)
	}
	o.SetFaults(`[{"action": "status", "method": "monitoring.projects.timeSeries.list", "status": 403, "times": 2}]`)
	for _, flags := range [][]string{nil, {"--format", "json"}} {
		out := status(flags...)
		if strings.Contains(out, "nothing waits") || !strings.Contains(out, "monitoring.timeSeries.list") {
			t.Errorf("%v, without the permission:\n%s", flags, out)
		}
	}
}

// A subscription without a sample is not known; it is not empty.
func TestQueuesWithoutASampleAreNotKnown(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{Clock: time.Now})
	if err := o.DeployFunction(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	to, err := (&sending{endpoint: o.URL()}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := plain(to.queues(t.Context()).lines(time.Now()))
	if want := "! not known: what waits in the queues: Cloud Monitoring has no sample of iapguard-events, iapguard-work, " +
		"iapguard-commands in project demo-project\n"; !strings.Contains(out, want) {
		t.Errorf("nothing is attached: %q, want %q", out, want)
	}
}

// deployedWithSecrets deploys a function that is not there, with policy and holds in secrets as
// deploy/terraform mounts them.
func deployedWithSecrets(t *testing.T, policy, holds string) *cloudtest.Env {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{Clock: time.Now})
	if err := o.DeployFunction(t.Context()); err != nil {
		t.Fatal(err)
	}
	variables := []any{map[string]any{"name": "IAPGUARD_OPERATORS", "value": playground.OperatorAccount}}
	var volumes, mounts []any
	for name, text := range map[string]string{"policy": policy, "holds": holds} {
		o.KeepSecret("iapguard-"+name, text)
		variables = append(variables, map[string]any{"name": "IAPGUARD_" + strings.ToUpper(name),
			"value": "/" + name + "/" + name + ".yaml"})
		mounts = append(mounts, map[string]any{"name": name, "mountPath": "/" + name})
		volumes = append(volumes, map[string]any{"name": name, "secret": map[string]any{"secret": "iapguard-" + name,
			"items": []any{map[string]any{"path": name + ".yaml", "version": "latest"}}}})
	}
	o.Call(http.MethodPatch, "/v2/"+deployedFunction+"?updateMask=template", map[string]any{"template": map[string]any{
		"serviceAccount": playground.FunctionAccount, "volumes": volumes, "containers": []any{map[string]any{
			"image": "i", "env": variables, "volumeMounts": mounts}}}})
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	return o
}

// answering answers commands with a text, as a function of another version does.
func answering(t *testing.T, status int, text string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestStatusOfAFunctionThatDoesNotSayIt(t *testing.T) {
	policy := cloudtest.Policy("name: shops")
	holds := fmt.Sprintf("version: 1\nholds:\n  - {target: projects/demo-project, until: %s, reason: an incident, by: ann}\n",
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	o := deployedWithSecrets(t, policy, holds)
	for name, url := range map[string]string{
		"nobody answers":             "http://127.0.0.1:1",
		"it is broken":               answering(t, 503, "no instance"),
		"it is older":                answering(t, 200, `{"command":"status","by":"a","said":["x"]}`),
		"it is older still":          answering(t, 400, `{"command":"status","error":"command \"status\" is not known"}`),
		"it does not take the token": answering(t, 403, "forbidden"),
	} {
		args := []string{"status", "--endpoint", o.URL(), "--url", url}
		out, said, err := both(t, args...)
		for _, want := range []string{"context " + deployedFunction + ", policy ", "1 hold in force as far as known\n",
			"  enforce      auto           shops\n", "circuit breaker, are not known: the function did not say\n",
			": an incident (ann)\n", "  ! others may be in force: ", "! not known: version, open and guarded services"} {
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: %v, status lacks %q:\n%s", name, err, want, out)
			}
		}
		if strings.Contains(out, "open: nothing") || strings.Contains(out, "guarded: 0") ||
			strings.Contains(out, "breaker: closed") || strings.Count(said, "\n") != 1 ||
			!strings.Contains(said, "the policy is the latest version of projects/demo-project/secrets/iapguard-policy") {
			t.Errorf("%s: it says %q, and\n%s", name, said, out)
		}
		out, _, err = both(t, append(args, "--format", "json")...)
		var shown struct {
			Guarded     *int
			HoldsUnread string
			Holds       []holdStatus
			Unread      []string
		}
		if err != nil || json.Unmarshal([]byte(out), &shown) != nil || shown.Guarded != nil ||
			len(shown.Holds) != 1 || len(shown.Unread) != 1 || shown.HoldsUnread == "" {
			t.Errorf("%s, as JSON: %v, %s", name, err, out)
		}
		out, said, err = both(t, "audit", "projects/demo-project", "--endpoint", o.URL(), "--url", url)
		if err != nil || !strings.Contains(out, "1 hold in force as far as known") ||
			strings.Count(said, "\n") != 1 {
			t.Errorf("%s: audit: %v, %q\n%s", name, err, said, out)
		}
	}
}

// both runs a command line, and returns what it prints and what it says on standard error.
func both(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	var printed, noted bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&printed)
	root.SetErr(&noted)
	err = root.ExecuteContext(t.Context())
	return printed.String(), noted.String(), err
}

// The policy of a newer version may have keys that this one cannot read.
func TestStatusOfANewerFunctionHidesNothingElse(t *testing.T) {
	o := deployedWithSecrets(t, cloudtest.Policy(), "version: 1\n")
	url := answering(t, 200, `{"command":"status","by":"a","later":1,"status":{"version":"99.0.0","revision":"iapguard-9",
		"policyDigest":"0123456789ab","policyText":"version: 2\nrules: []\n","guarded":7,"weather":"fine","holds":[
		{"target":"projects/demo-project","until":"2100-01-02T03:04:05Z","reason":"an incident","by":"ann","colour":"red"}]}}`)
	out, said, err := both(t, "status", "--endpoint", o.URL(), "--url", url)
	for _, want := range []string{"policy 0123456789ab, 1 hold in force\n", "version 99.0.0, revision iapguard-9\n",
		"guarded: 7 services\n", ": an incident (ann)\n", "cannot be read here, by version "} {
		if err != nil || said != "" || !strings.Contains(out, want) {
			t.Errorf("%v, %q, status lacks %q:\n%s", err, said, want, out)
		}
	}
	if strings.Contains(out, "there is no policy") {
		t.Errorf("a policy that cannot be read is shown as none:\n%s", out)
	}
	if _, err = say(t, "plan", "projects/demo-project", "--endpoint", o.URL(), "--url", url); err == nil ||
		!strings.Contains(err.Error(), "it runs 99.0.0") {
		t.Errorf("plan by a policy that cannot be read: %v", err)
	}
}

func TestAFunctionThatIsGoneOrSilentStopsWrites(t *testing.T) {
	o := deployedWithSecrets(t, cloudtest.Policy(), "version: 1\n")
	before := len(o.Calls().Writes())
	for want, args := range map[string][]string{
		"to write all the same, name the policy with --policy and the holds with --holds": {"apply", "--yes",
			"projects/demo-project"},
		"to go on without its holds, name others with --holds": {"apply", "--yes", "projects/demo-project", "--policy",
			written(t, "policy.yaml", cloudtest.Policy())},
	} {
		if _, err := say(t, append(args, "--endpoint", o.URL(), "--url", "http://127.0.0.1:1")...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	o.Call(http.MethodDelete, "/v2/"+deployedFunction, nil)
	before++
	for _, command := range []string{"status", "plan", "audit", "apply", "hold"} {
		args := []string{command, "projects/demo-project", "--endpoint", o.URL()}
		if command == "status" {
			args = slices.Delete(args, 1, 2)
		} else if command == "hold" {
			args = append(args, "--for", "1h", "--reason", "why")
		}
		_, err := say(t, args...)
		if err == nil || !strings.Contains(err.Error(), "is not there: name the one that is with iapguard context use") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, where the function is gone: %v", command, err)
		}
	}
	if after := len(o.Calls().Writes()); after != before {
		t.Errorf("%d writes", after-before)
	}
}

func TestWhereNeitherFunctionNorSecretsSayIt(t *testing.T) {
	o := deployedWithSecrets(t, cloudtest.Policy(), "version: 1\n")
	refuse := func(secret string) string {
		return fmt.Sprintf(`{"action": "status", "method": "secretmanager.projects.secrets.versions.access", "status": 403,
			"resource": %q}`, secret)
	}
	args := []string{"status", "--endpoint", o.URL(), "--url", "http://127.0.0.1:1"}
	o.SetFaults("[" + refuse("iapguard-policy") + "]")
	out, said, err := both(t, args...)
	for _, want := range []string{"policy not known, 0 holds in force as far as known\n",
		"! not known: the policy is not known: "} {
		if err != nil || !strings.Contains(out, want) || strings.Count(said, "\n") != 1 {
			t.Errorf("the holds alone: %v, %q, want %q:\n%s", err, said, want, out)
		}
	}
	o.SetFaults("[" + refuse("iapguard-policy") + "," + refuse("iapguard-holds") + "]")
	_, err = say(t, args...)
	if err == nil || !strings.Contains(err.Error(), "; in Secret Manager: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("neither: %v", err)
	}
}

func TestAContextOfAnotherVersionIsRead(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	file, err := contextFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	const name = "projects/p-guard/locations/us-central1/services/iapguard"
	for text, want := range map[string]string{
		name + "\n":                        name,
		"\ufeff" + name + "\r\n":           name,
		"# kept by 0.0.1\n\n" + name:       name,
		"context: " + name + "\nas: a@b\n": name,
		"version: 9\ncontext: " + name + "\nendpoint: https://example.com\n": name,
		"":                                   "names no context",
		"contexts: [" + name + "]\n":         "names no context",
		"context: [\n":                       "cannot be read",
		"projects/p-guard/services/iapguard": "iapguard context use",
	} {
		for place, at := range map[string]string{"kept": file, "of the folder": folderContext} {
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := say(t, "context", "show")
			if want == name && (err != nil || !strings.HasPrefix(out, name+" (")) {
				t.Errorf("%s: %q: %q, %v", place, text, out, err)
			}
			if want != name && (err == nil || !strings.Contains(err.Error(), want) && place == "kept" ||
				strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s: %q: %v, want %q in one line", place, text, err, want)
			}
			_ = os.Remove(folderContext)
		}
	}
}
