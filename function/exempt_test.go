package function

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// exempting is a policy that enforces at once, and excuses a service for ten days.
func exempting(service string) string {
	return cloudtest.Policy("publicInvokers: remove") + `exemptions:
  - services: [` + service + `]
    reason: the old client cannot sign in
    owner: team-shop
    ticket: SEC-17
    expires: ` + time.Now().Add(10*24*time.Hour).UTC().Format(time.RFC3339) + "\n"
}

func TestExemptServiceIsReportedUntilTheExemptionEnds(t *testing.T) {
	b := newBench(t, exempting(hello.Name()))
	if got := b.outcome(t, "deployed"); got != report.Exempt {
		t.Fatalf("%s, want exempt", got)
	}
	if got := b.byHand(t); got != report.Exempt {
		t.Errorf("by hand: %s, want exempt", got)
	}
	final := b.last(t)
	want := &report.Exemption{
		Owner: "team-shop", Ticket: "SEC-17", Reason: "the old client cannot sign in", Expires: final.Exemption.Expires,
	}
	if diff := cmp.Diff(want, final.Exemption); diff != "" {
		t.Errorf("exemption (-want +got):\n%s", diff)
	}
	if days := strings.Join(final.Advice, "\n"); !strings.Contains(days, "9 days are left of the exemption SEC-17") {
		t.Errorf("advice %q, want the days left", days)
	}
	if final.Exposed != door.Yes || len(final.Findings) == 0 || len(final.Steps) > 0 || b.writes() > 0 {
		t.Errorf("exposed %s, findings %v, steps %v, writes %d: want an open door reported, and nothing done",
			final.Exposed, final.Findings, final.Steps, b.writes())
	}
	b.Later(11 * 24 * time.Hour)
	if got := b.outcome(t, "much later"); got != report.Protected {
		t.Errorf("after it has expired: %s, want protected", got)
	}
	if last := b.last(t); last.Exemption != nil {
		t.Errorf("an exemption that has expired is reported: %+v", last.Exemption)
	}
}
