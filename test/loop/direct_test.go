package loop

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

func ruled(line string) string { return enforcing + "    " + line + "\n" }

// knockAt asks for the first default URL of the last report, as somebody, and
// gives the status.
func (r *running) knockAt(service, who string) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.DataURL()+"/", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Host = strings.TrimPrefix(r.last(service).Doors[0].Address, "https://")
	if who != "" {
		request.Header.Set("Authorization", "Bearer "+who)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestAServiceWithoutALoadBalancerGetsIAPOfItsOwnWhereThePolicySaysSo(t *testing.T) {
	r := start(t, "", ruled("withoutLoadBalancer: direct"))
	hello := stage.Scenario[0]
	if err := hello.Deploy(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.until("hello is protected", func() bool { return slices.Contains(r.of("hello"), report.Protected) })
	last := r.last("hello")
	if diff := cmp.Diff([]string{"/projects/123456789012/locations/us-central1/services/hello"}, last.ExpectedAudience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
	for _, door := range last.Doors {
		if door.Guard != posture.GuardIAP {
			t.Errorf("door %+v, want IAP before it", door)
		}
	}
	if got := []int{r.knockAt("hello", "user:alice@example.com"), r.knockAt("hello", "user:eve@example.com")}; !slices.Equal(got, []int{200, 403}) {
		t.Errorf("alice and eve get %v, want 200 and 403", got)
	}
	// A load balancer that comes later changes nothing: never both.
	if err := hello.Balance(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.until("the load balancer was seen", func() bool { return len(r.last("hello").Doors) > len(last.Doors) })
	if now := r.last("hello"); now.Outcome != report.Compliant {
		t.Errorf("outcome %s with findings %+v, want compliant", now.Outcome, now.Findings)
	}
}

func TestAServiceWithoutALoadBalancerIsClosedWhereThePolicySaysSoAndOpenedByItsLoadBalancer(t *testing.T) {
	r := start(t, "", ruled("withoutLoadBalancer: close"))
	hello := stage.Scenario[0]
	if err := hello.Deploy(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.until("hello is closed", func() bool { return r.last("hello").Outcome == report.Waiting && !r.last("hello").Exposed })
	if status := r.knockAt("hello", ""); status != http.StatusNotFound {
		t.Errorf("a stranger gets %d, want 404", status)
	}
	if err := hello.Balance(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.until("hello is protected", func() bool {
		return r.last("hello").Outcome == report.Protected || r.last("hello").Outcome == report.Compliant
	})
}

func TestIAPAtBothPlacesIsBlockedAndNothingIsWritten(t *testing.T) {
	r := start(t, "", ruled("recipe: direct"))
	hello := stage.Scenario[0]
	r.deploy(hello)
	r.until("hello has IAP of its own", func() bool { return len(r.last("hello").ExpectedAudience) == 1 })
	before := r.ownWrites()
	r.call(r.developer(), http.MethodPatch, "/compute/v1/projects/"+stage.Project+"/global/backendServices/"+hello.Backend(),
		map[string]any{"iap": map[string]any{"enabled": true}})
	r.until("hello is blocked", func() bool { return r.last("hello").Outcome == report.Blocked })
	last := r.last("hello")
	if len(last.Findings) == 0 || last.Findings[0].Code != posture.BothIAP || len(last.ExpectedAudience) != 2 {
		t.Errorf("findings %+v, audiences %v, want BOTH_IAP and both", last.Findings, last.ExpectedAudience)
	}
	if diff := cmp.Diff(before, r.ownWrites()); diff != "" {
		t.Errorf("written meanwhile (-before +after):\n%s", diff)
	}
}
