package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// remembered is a local cloud with the deployment's memory, where an apply has changed one
// of two old services, and the policy of that apply.
func remembered(t *testing.T) (o *cloudtest.Env, policy string) {
	t.Helper()
	o = cloudtest.Start(t, playground.Options{Clock: func() time.Time { return time.Now().Add(-time.Hour) }})
	if err := o.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IAPGUARD_MEMORY", playground.MemoryBucket)
	o.Build(playground.Scenario[:2]...)
	policy = written(t, "policy.yaml", cloudtest.Policy("name: shops", "limits: {perProject: 1}"))
	if out, err := say(t, "apply", "--yes", "--policy", policy, "--endpoint", o.URL(),
		playground.Scenario[0].Name()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return o, policy
}

func TestStatusShowsWhatTheLimitsCount(t *testing.T) {
	o, policy := remembered(t)
	out, err := say(t, "status", "--policy", policy, "--endpoint", o.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"  1 in a project, 50 overall: shops\n", "  changed in the last hour: 1 by shops\n",
		"circuit breaker: closed"} {
		if !strings.Contains(out, line) {
			t.Errorf("status lacks %q:\n%s", line, out)
		}
	}
	if out, err = say(t, "status", "--policy", policy, "--endpoint", o.URL(), "--format", "json"); err != nil ||
		!strings.Contains(out, `"limits":{"changed":{"shops":1,`) {
		t.Errorf("as JSON: %q, %v", out, err)
	}
	if out, err = say(t, "status", "--policy", policy, "--endpoint", "http://127.0.0.1:1"); err != nil ||
		!strings.Contains(out, "  how many did, and the circuit breaker, are not known: ") {
		t.Errorf("without a cloud: %q, %v", out, err)
	}
	t.Setenv("IAPGUARD_MEMORY", "")
	if out, err = say(t, "status", "--policy", policy, "--endpoint", o.URL()); err != nil ||
		!strings.Contains(out, "name the deployment's memory with IAPGUARD_MEMORY=gs://BUCKET") {
		t.Errorf("without a memory: %q, %v", out, err)
	}
}

func TestALimitHoldsATypedApplyUnlessItSaysOverLimit(t *testing.T) {
	o, policy := remembered(t)
	billing := playground.Scenario[1]
	ingress := func() any { return o.Call(http.MethodGet, "/v2/"+billing.Name(), nil)["ingress"] }
	out, err := say(t, "apply", "--yes", "--policy", policy, "--endpoint", o.URL(), billing.Name())
	if !errors.Is(err, statusError(exitFailed)) || !strings.Contains(out, "the hourly limit is used up until ") ||
		!strings.Contains(out,
			"1 of at most 1 services of project demo-project were changed within an hour (limits.perProject of rule shops)") {
		t.Errorf("%q, %v", out, err)
	}
	if got := ingress(); got != "INGRESS_TRAFFIC_ALL" {
		t.Errorf("ingress %v, want it left open", got)
	}
	if out, err = say(t, "apply", "--yes", "--over-limit", "--policy", policy, "--endpoint", o.URL(),
		billing.Name()); err != nil {
		t.Errorf("over the limit: %v\n%s", err, out)
	}
	if got := ingress(); got != "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" {
		t.Errorf("over the limit: ingress %v, want it restricted", got)
	}
}

// kept is the memory of the deployment.
func kept(t *testing.T, o *cloudtest.Env) *memory.Memory {
	t.Helper()
	bucket, err := storage.Open(t.Context(), connect.Config{Endpoint: o.URL()}, playground.MemoryBucket)
	if err != nil {
		t.Fatal(err)
	}
	return memory.New(bucket, memory.Options{Clock: clockwork.NewRealClock()})
}

func TestStatusShowsThePolicyInForceAndWhatWaits(t *testing.T) {
	o, policy := remembered(t)
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	if _, err := kept(t, o).UpdateDeployment(t.Context(), func(d *memory.Deployment) bool {
		return d.Enforce(memory.PolicyVersion{Digest: "0123456789ab", Sum: "0123456789abcdef", Since: at}) &&
			d.Await(memory.WaitingPolicy{Digest: "abcdef012345", Sum: "abcdef0123456789", Over: "0123456789abcdef", Loosened: 2,
				Guarded: 3, Services: []string{"a: mode", "b: mode"}, Approvers: []string{"user:ann@example.com"}})
	}); err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "status", "--policy", policy, "--endpoint", o.URL())
	for _, want := range []string{
		"in force in the deployment: policy 0123456789ab since 2026-11-29T12:00:00Z, which is not the one above\n",
		"  ! policy abcdef012345 waits for an approver: it uncovers or loosens 2 of 3 guarded services (a: mode; b: mode). " +
			"It comes into force after iapguard approve abcdef012345 by user:ann@example.com\n",
	} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, status lacks %q:\n%s", err, want, out)
		}
	}
	if out, err = say(t, "status", "--policy", policy, "--endpoint", o.URL(), "--format", "json"); err != nil ||
		!strings.Contains(out, `"policyInForce":{"digest":"0123456789ab","since":"2026-11-29T12:00:00Z","waiting":{`) {
		t.Errorf("as JSON: %q, %v", out, err)
	}
}

func TestAPersonClosesTheCircuitBreaker(t *testing.T) {
	o, policy := remembered(t)
	failed := memory.Failure{Project: playground.Project, Service: playground.Scenario[0].Name(), Resource: "backend",
		Field: "iap.enabled", Op: "enable-iap", At: time.Now().Add(-time.Minute)}
	if _, err := kept(t, o).UpdateDeployment(t.Context(),
		func(d *memory.Deployment) bool { return d.Breaker.Fail(failed) }); err != nil {
		t.Fatal(err)
	}
	status := func() string {
		out, err := say(t, "status", "--policy", policy, "--endpoint", o.URL())
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := status(); !strings.Contains(out, "enable-iap on backend, held until") {
		t.Fatalf("status shows no failure:\n%s", out)
	}
	if out, err := say(t, "close-breaker", "--endpoint", o.URL()); err == nil ||
		!strings.Contains(err.Error(), "--reason") {
		t.Errorf("without a reason: %q, %v", out, err)
	}
	if out, err := say(t, "close-breaker", "--endpoint", o.URL(), "--by", "ann", "--reason",
		"the API is repaired"); err != nil {
		t.Fatalf("%q, %v", out, err)
	}
	if out := status(); !strings.Contains(out, "circuit breaker: closed, by ann at ") ||
		!strings.Contains(out, ": the API is repaired\n") {
		t.Errorf("status does not say who closed it:\n%s", out)
	}
	t.Setenv("IAPGUARD_MEMORY", "")
	if out, err := say(t, "close-breaker", "--endpoint", o.URL(), "--reason", "why"); err == nil ||
		!strings.Contains(err.Error(), "IAPGUARD_MEMORY=gs://BUCKET") {
		t.Errorf("without a memory: %q, %v", out, err)
	}
}
