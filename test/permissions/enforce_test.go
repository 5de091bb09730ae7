package permissions

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

func TestEnforceWorksWithReaderAndWriter(t *testing.T) {
	safeAndUnblocked(t, play(t, enforcing, shipped(t, all)))
}

func safeAndUnblocked(t *testing.T, o *withfunction.Env) {
	t.Helper()
	for _, service := range playground.Scenario {
		if !o.Safe(service.Service)() {
			t.Errorf("%s ends %q, want protected or compliant", service.Service, o.LastOf(service.Service).Outcome)
		}
	}
	if lines := blocked(o); len(lines) > 0 {
		t.Errorf("something is blocked: %q", lines)
	}
}

func TestEnforceWorksWithAnAccountThatReadsAndOneThatWrites(t *testing.T) {
	o := play(t, enforcing, shipped(t, stays), shipped(t, writes)...)
	safeAndUnblocked(t, o)
	calls := o.Calls()
	if writes := calls.Own().Writes(); len(writes) > 0 {
		t.Errorf("the account that reads tried to write: %v", writes)
	}
	if writes := calls.By(cloudtest.Writer).Writes(); len(writes) == 0 {
		t.Error("the writer wrote nothing")
	}
	for _, read := range calls.By(cloudtest.Writer).Reads() {
		if !strings.Contains(strings.ToLower(read.Method), "operations.") {
			t.Errorf("the writer read %s of %s, want it to wait for what it wrote alone", read.Method, read.Resource)
		}
	}
}

func TestEnforceNeedsEveryPermissionOfTheWriter(t *testing.T) {
	own, writing := shipped(t, stays), shipped(t, writes)
	secret := shipped(t, func(r roles.Role) bool { return r.BindTo == "secret" })
	everyOneIsMissed(t, "the writer and what goes with it, in enforce", permissions(slices.Concat(writing, secret)),
		func(t *testing.T, permission string) *withfunction.Env {
			if slices.Contains(permissions(secret), permission) {
				return play(t, enforcing, without(own, permission), writing...)
			}
			return play(t, enforcing, own, without(writing, permission)...)
		}, nil)
}

// swept is a local cloud that the function hears of by one sweep alone.
func swept(t *testing.T, roles []apiserver.Role) *withfunction.Env {
	t.Helper()
	o := withfunction.Open(t, withfunction.Options{Policy: enforcing, Playground: playground.Options{Roles: roles}})
	o.KeepSecret("iap-client", "kept")
	o.Build(playground.Scenario...)
	if err := o.Push(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
	o.Idle()
	return o
}

func TestEnforceWithTheReaderAloneIsBlockedOnceForEachService(t *testing.T) {
	o := swept(t, shipped(t, reads))
	for _, service := range playground.Scenario {
		if diff := cmp.Diff([]report.Outcome{report.Started, report.Blocked}, o.Outcomes(service.Service)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", service.Service, diff)
		}
		const advice = " the permission run.services.setIamPolicy"
		last := o.LastOf(service.Service)
		if named := slices.DeleteFunc(last.Advice, func(line string) bool {
			return !strings.HasSuffix(line, advice)
		}); len(named) != 1 {
			t.Errorf("%s: %d lines of advice end with %q, want one", service.Service, len(named), advice)
		}
		if refused := o.Calls().Own().Of("run.projects.locations.services.setIamPolicy").On(service.Name()); len(
			refused) != 1 {
			t.Errorf("%s: the write was tried %d times, want once: %v", service.Service, len(refused), refused)
		}
	}
	if taken := o.Calls().Own().Writes().Taken(); len(taken.Of("generateServiceIdentity")) != len(taken) {
		t.Errorf("it wrote %v, want nothing but the agent provisioned, which needs no permission", taken)
	}
}

func TestWithoutActAsTheIngressIsBlockedAndTheRestWorks(t *testing.T) {
	o := swept(t, without(shipped(t, all), "iam.serviceAccounts.actAs"))
	for _, service := range playground.Scenario {
		last := o.LastOf(service.Service)
		done := map[string]report.Result{}
		for _, step := range last.Steps {
			if step.Result != report.StepPlanned {
				done[step.Op] = step.Result
			}
		}
		want := map[string]report.Result{
			"provision-agent": report.StepDone, "grant-invoker": report.StepDone, "grant-access": report.StepDone,
			"enable-iap": report.StepDone, "restrict-ingress": report.StepFailed, "revoke-public": report.StepDone,
		}
		if diff := cmp.Diff(want, done); diff != "" || last.Outcome != report.Blocked {
			t.Errorf("%s ends %q (-want +got):\n%s", service.Service, last.Outcome, diff)
		}
	}
}
