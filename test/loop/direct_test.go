package loop

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

func TestAServiceWithoutALoadBalancerGetsIAPOfItsOwnByPolicy(t *testing.T) {
	t.Parallel()
	r := start(t, "withoutLoadBalancer: direct")
	hello := playground.Scenario[0]
	r.Deploy(hello)
	r.Until("hello is protected", func() bool { return slices.Contains(r.Outcomes("hello"), report.Protected) })
	last := r.LastOf("hello")
	if diff := cmp.Diff([]string{"/projects/123456789012/locations/us-central1/services/hello"},
		last.ExpectedAudience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
	for _, way := range last.Doors {
		if way.Guard != door.GuardIAP {
			t.Errorf("door %+v, want IAP before it", way)
		}
	}
	address := last.Doors[0].Address
	if got := []int{r.Ask(address, "user:alice@example.com"), r.Ask(address, "user:eve@example.com")}; !slices.Equal(
		got, []int{200, 403}) {
		t.Errorf("alice and eve get %v, want 200 and 403", got)
	}
	// A load balancer that comes later changes nothing: never both.
	r.Balance(hello)
	r.Until("the load balancer was seen", func() bool { return len(r.LastOf("hello").Doors) > len(last.Doors) })
	if now := r.LastOf("hello"); now.Outcome != report.Compliant {
		t.Errorf("outcome %s with findings %+v, want compliant", now.Outcome, now.Findings)
	}
}

func TestAServiceClosedByPolicyIsOpenedByItsLoadBalancer(t *testing.T) {
	t.Parallel()
	r := start(t, "withoutLoadBalancer: close")
	hello := playground.Scenario[0]
	r.Deploy(hello)
	r.Until("hello is closed", func() bool {
		return r.LastOf("hello").Outcome == report.Waiting &&
			r.LastOf("hello").Exposed == door.No
	})
	if status := r.Ask(r.LastOf("hello").Doors[0].Address, ""); status != http.StatusNotFound {
		t.Errorf("a stranger gets %d, want 404", status)
	}
	r.Balance(hello)
	r.Until("hello is protected", func() bool {
		return r.LastOf("hello").Outcome == report.Protected || r.LastOf("hello").Outcome == report.Compliant
	})
}

func TestIAPAtBothPlacesIsBlockedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	r := start(t, "recipe: direct")
	hello := playground.Scenario[0]
	r.Build(hello)
	r.Until("hello has IAP of its own", func() bool { return len(r.LastOf("hello").ExpectedAudience) == 1 })
	before := r.OwnWrites()
	r.Call(http.MethodPatch, "/compute/v1/projects/"+playground.Project+"/global/backendServices/"+hello.Backend(),
		map[string]any{"iap": map[string]any{"enabled": true}})
	r.Until("hello is blocked", func() bool { return r.LastOf("hello").Outcome == report.Blocked })
	last := r.LastOf("hello")
	if len(last.Findings) == 0 || last.Findings[0].Code != protection.BothIAP || len(last.ExpectedAudience) != 2 {
		t.Errorf("findings %+v, audiences %v, want BOTH_IAP and both", last.Findings, last.ExpectedAudience)
	}
	if diff := cmp.Diff(before, r.OwnWrites()); diff != "" {
		t.Errorf("written meanwhile (-before +after):\n%s", diff)
	}
}
