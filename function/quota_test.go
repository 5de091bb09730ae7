package function

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// The looks of a sweep wait for a quota. That of an event leaves it to the redelivery of its message.
func TestTheLooksOfASweepWaitForQuotas(t *testing.T) {
	for name, tc := range map[string]struct {
		send   func(*bench) int
		status int
		want   []report.Outcome
	}{
		"sweep": {func(b *bench) int { return b.command("sweep", "1", "projects/"+playground.Project) },
			http.StatusNoContent, []report.Outcome{report.Started, report.Protected}},
		"event": {func(b *bench) int { return b.event(b.updated("hello", "1")) },
			http.StatusServiceUnavailable, []report.Outcome{report.Failed}},
	} {
		t.Run(name, func(t *testing.T) {
			setup := benchConfig(t, cloudtest.Policy())
			setup.config.Connect.Clock = setup.cloud.Clock()
			setup.config.Connect.Sleep = func(ctx context.Context, d time.Duration) error {
				setup.cloud.Later(d)
				return ctx.Err()
			}
			b := startBench(t, setup)
			b.SetFaults(`[{"action":"status","status":429,"method":"cloudresourcemanager.projects.getIamPolicy","times":8,` +
				`"message":"Quota exceeded for quota metric 'Read requests'"}]`)
			if got := tc.send(b); got != tc.status {
				t.Errorf("status %d, want %d", got, tc.status)
			}
			if diff := cmp.Diff(tc.want, b.reports.outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}
