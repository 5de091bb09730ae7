package run_test

import (
	api "google.golang.org/api/run/v2"

	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

var hello = posture.Target{Project: playground.Project, Location: "us-central1", Service: "hello"}

// start is a local cloud with the service hello, and a client of Cloud Run.
func start(t *testing.T) (*playground.Playground, *run.Client) {
	t.Helper()
	s, err := playground.Start(t.Context(), playground.Options{Discovery: discovery.Judge(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	developer := playground.Client{URL: s.URL(), Caller: playground.Developer}
	if err := playground.Scenario[0].Deploy(t.Context(), developer); err != nil {
		t.Fatal(err)
	}
	client, err := run.New(t.Context(), connect.Config{Endpoint: s.URL(), Self: playground.FunctionAccount})
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// inject sets the faults of a local cloud.
func inject(t *testing.T, s *playground.Playground, faults string) {
	t.Helper()
	response, err := http.Post(s.URL()+"/_local/faults", "application/json", strings.NewReader(faults))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		t.Fatalf("setting the faults %s: %s", faults, response.Status)
	}
}

const patches = "run.projects.locations.services.patch"

// restrict sets the ingress of a service, as a step does.
func restrict(t *testing.T, client *run.Client, target posture.Target, version string) (string, error) {
	t.Helper()
	return client.Patch(t.Context(), target.Name(), "ingress", &api.GoogleCloudRunV2Service{
		Etag: version, Ingress: run.Ingress(posture.IngressInternalLoadBalancing),
	})
}

func TestAFailedOperationIsAnErrorWithGooglesText(t *testing.T) {
	const text = "The user-provided container failed to start."
	s, client := start(t)
	service, err := client.Service(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	inject(t, s, fmt.Sprintf(`[{"action": "fail-operation", "method": %q, "message": %q}]`, patches, text))
	version, err := restrict(t, client, hello, service.Version)
	if version != "" || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("version %q and error %v, want no version and Google's text", version, err)
	}
	if got := fault.ActionOf(err); got != fault.Fail {
		t.Errorf("action %d of %v, want %d: repeated at once, the write would conflict with itself", got, err, fault.Fail)
	}
}

func TestARevisionNamedTwiceIsNotAConflict(t *testing.T) {
	s, client := start(t)
	service, err := client.Service(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	inject(t, s, fmt.Sprintf(`[{"action": "status", "method": %q, "status": 409, "reason": "alreadyExists",
		"message": "Revision named 'hello-v1' with different configuration already exists."}]`, patches))
	_, err = restrict(t, client, hello, service.Version)
	if got := fault.ActionOf(err); got != fault.Block {
		t.Errorf("action %d of %v, want %d", got, err, fault.Block)
	}
	const remedy = "gcloud run services update hello --region=us-central1 --project=demo-project --revision-suffix="
	if got := fault.Of(err).Remedy; !strings.HasSuffix(got, remedy) {
		t.Errorf("remedy %q, want %q at its end", got, remedy)
	}
	if !strings.Contains(err.Error(), "hello-v1") {
		t.Errorf("error %v, want Google's text in it", err)
	}
}

func TestAWriteToADeletedServiceIsAConflict(t *testing.T) {
	_, client := start(t)
	nowhere := hello
	nowhere.Service = "nowhere"
	for name, write := range map[string]func() (string, error){
		"a patch": func() (string, error) { return restrict(t, client, nowhere, "v") },
		"a redeployment": func() (string, error) {
			return client.Redeploy(t.Context(), nowhere.Name(), "v", policy.ImageGoOn)
		},
	} {
		if _, err := write(); fault.Of(err).Kind != fault.Conflict {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	if _, err := client.Service(t.Context(), nowhere); fault.ActionOf(err) != fault.Gone {
		t.Errorf("reading it: %v, want that it is gone", err)
	}
}

func TestAnOlderGenerationOfAServiceDoesNotCount(t *testing.T) {
	for _, tc := range []struct {
		name, first, second string
		taken               bool
	}{
		{"the same one", `"uid": "a", "generation": "7"`, `"uid": "a", "generation": "7"`, true},
		{"a newer one", `"uid": "a", "generation": "7"`, `"uid": "a", "generation": "10"`, true},
		{"an older one", `"uid": "a", "generation": "10"`, `"uid": "a", "generation": "7"`, false},
		{"an older one, changed since", `"uid": "a", "generation": "10", "updateTime": "2026-11-30T09:00:00Z"`,
			`"uid": "a", "generation": "7", "updateTime": "2026-11-30T09:00:01Z"`, true},
		{"an older one, not changed since", `"uid": "a", "generation": "10", "updateTime": "2026-11-30T09:00:00Z"`,
			`"uid": "a", "generation": "7", "updateTime": "2026-11-30T08:00:00Z"`, false},
		{"another service of that name", `"uid": "a", "generation": "7"`, `"uid": "b", "generation": "1"`, true},
		{"none", `"uid": "a", "generation": "7"`, `"uid": "a"`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answers := []string{tc.first, tc.second}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"name": %q, %s}`, hello.Name(), answers[0])
				answers = answers[1:]
			}))
			t.Cleanup(server.Close)
			client, err := run.New(t.Context(), connect.Config{Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Service(t.Context(), hello); err != nil {
				t.Fatal(err)
			}
			_, err = client.Service(t.Context(), hello)
			if kind := fault.Of(err).Kind; tc.taken != (err == nil) || !tc.taken && kind != fault.Unavailable {
				t.Errorf("%v of kind %s, want it taken: %t", err, kind, tc.taken)
			}
		})
	}
}
