package loop

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// The function may lose the permission to read between its writes and the look
// after them. What it wrote can be undone only if its last report has it.
func TestAReportWithoutAnObservationHasTheStepsThatWereTaken(t *testing.T) {
	t.Parallel()
	hello := playground.Scenario[0]
	var r *withfunction.Env
	var policies atomic.Int32
	r = withfunction.Open(t, withfunction.Options{Policy: cloudtest.Policy(), Held: func(call *http.Request) {
		if strings.HasSuffix(call.URL.Path, hello.Service+":setIamPolicy") && policies.Add(1) == 2 { // the last write
			r.SetFaults(`[{"action":"status","status":403,"method":"run.projects.locations.services.get",` +
				`"principal":"serviceAccount:` + playground.FunctionAccount + `"}]`)
		}
	}})
	r.Build(hello)
	if err := r.Attach(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Publish(playground.CommandsTopic, `{"command":"apply","target":"`+hello.Name()+`"}`)
	r.Until("hello is blocked", func() bool { return r.LastOf(hello.Service).Outcome == report.Blocked })
	var taken []report.Step
	for _, one := range r.Of(hello.Service) {
		if one.Outcome == report.Blocked && one.Cause.Kind == string(event.CommandReceived) {
			taken = slices.DeleteFunc(slices.Clone(one.Steps), func(s report.Step) bool { return s.Result != report.StepDone })
		}
	}
	writes := slices.DeleteFunc(r.Calls().Own().Writes(), func(c apiserver.CallEntry) bool { return c.Status != http.StatusOK })
	if len(writes) == 0 || len(taken) != len(writes) {
		t.Errorf("%d steps are reported as done, and %d writes were made", len(taken), len(writes))
	}
}
