package withfunction

import (
	"testing"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// Applying returns what applies the recipe to a service as the project's owner types
// it, under a policy that protects every service at once. Each call is a delivery of
// the same command.
func Applying(t *testing.T, e *cloudtest.Env, service string, wiring function.Wiring) func() (report.Report, error) {
	t.Helper()
	clients, err := cloud.Connect(t.Context(), connect.Config{Endpoint: e.URL(), UserAgent: function.UserAgent}, e.Now)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Parse([]byte(cloudtest.Policy()), e.Now())
	if err != nil {
		t.Fatal(err)
	}
	wiring.Policy = func() reconcile.Policy { return rules }
	engine, err := function.NewEngine(clients, function.Config{Clock: e.Clock()}, wiring)
	if err != nil {
		t.Fatal(err)
	}
	target, err := posture.ParseTarget(service)
	if err != nil {
		t.Fatal(err)
	}
	return func() (report.Report, error) {
		return engine.Run(t.Context(), reconcile.Request{Target: target, Consent: true,
			Cause: event.Cause{Kind: event.CommandReceived, Key: "apply"}})
	}
}
