package loop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// A write that is refused as a conflict is planned again on what was read anew. Where the
// resource has not moved, that solves nothing, and Google's text says more.
func TestALastingConflictEndsWithGooglesText(t *testing.T) {
	t.Parallel()
	const text = "the lasting reason"
	for _, method := range []string{"run.projects.locations.services.setIamPolicy", "run.projects.locations.services.patch",
		"compute.backendServices.patch"} {
		for _, status := range []int{404, 409, 412} {
			t.Run(fmt.Sprintf("%s %d", method, status), func(t *testing.T) {
				t.Parallel()
				e := cloudtest.Start(t, playground.Options{})
				var none holding
				started := 0
				apply := applying(t, e, func(r report.Report) error {
					if r.Outcome == report.Started {
						started++
					}
					return nil
				}, &none)
				e.SetFaults(fmt.Sprintf(`[{"action":"status","status":%d,"method":%q,"message":%q}]`, status, method, text))
				final, err := apply()
				if err != nil || final.Outcome != report.Failed {
					t.Errorf("the outcome is %q, %v; want failed", final.Outcome, err)
				}
				if !strings.Contains(strings.Join(final.Advice, "\n"), text) {
					t.Errorf("the advice %q does not have Google's text", final.Advice)
				}
				refused := 0
				for _, call := range e.Calls() {
					if call.Method == method && call.Status == status {
						refused++
					}
				}
				if refused == 0 || refused > 4 || started > 2 {
					t.Errorf("%d refused writes and %d announcements", refused, started)
				}
			})
		}
	}
}

// A resource that somebody else writes before each of our writes has moved.
func TestWhatKeepsChangingIsDeferredWithGooglesText(t *testing.T) {
	t.Parallel()
	e := cloudtest.Start(t, playground.Options{})
	var none holding
	apply := applying(t, e, func(report.Report) error { return nil }, &none)
	e.SetFaults(`[{"action":"write-first","method":"compute.backendServices.patch"}]`)
	final, err := apply()
	if err != nil || final.Outcome != report.Deferred || final.WaitingFor == nil {
		t.Fatalf("the outcome is %q, %v; want deferred", final.Outcome, err)
	}
	if what := final.WaitingFor.What; !strings.Contains(what, "kept changing") || !strings.Contains(what, "Precondition Failed") {
		t.Errorf("it waits for %q, want what changes and Google's text", what)
	}
}
