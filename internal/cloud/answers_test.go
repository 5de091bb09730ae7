package cloud_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/traffic"
)

// visit asks at a load balancer, as anybody.
func (l local) visit(url string) {
	l.Cloud.DataPlane().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, url, nil))
}

func TestAnswersOfALoadBalancerAreCounted(t *testing.T) {
	l := start(t)
	clients := l.clients()
	seen, err := clients.Observe(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	ways, complete := traffic.Ways(seen)
	if len(ways) != 1 || !complete {
		t.Fatalf("ways: %+v, complete: %v; want one", ways, complete)
	}
	for range 3 {
		l.visit("https://hello.example.com/")
	}
	l.visit(seen.DefaultURL()) // by no load balancer
	to := time.Now().Truncate(time.Minute).Add(time.Minute)
	answers := func(ways []traffic.Way, from, to time.Time) []traffic.Answer {
		t.Helper()
		found, err := clients.Answers(t.Context(), ways, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	want := []traffic.Answer{{Way: ways[0], Status: http.StatusOK, Requests: 3}}
	if diff := cmp.Diff(want, answers(ways, to.Add(-10*time.Minute), to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if earlier := answers(ways, to.Add(-20*time.Minute), to.Add(-10*time.Minute)); len(earlier) > 0 {
		t.Errorf("of earlier minutes: %+v, want none", earlier)
	}
	other := ways[0]
	other.Rule += "-2"
	if found := answers([]traffic.Way{other}, to.Add(-10*time.Minute), to); len(found) > 0 {
		t.Errorf("at another forwarding rule: %+v, want none", found)
	}
	other = ways[0]
	other.Internal = true
	if found := answers([]traffic.Way{other}, to.Add(-10*time.Minute), to); len(found) > 0 {
		t.Errorf("at an internal load balancer: %+v, want none", found)
	}
	if _, err := clients.Answers(t.Context(), make([]traffic.Way, 51), to, to); fault.Of(err).Kind != fault.Invalid {
		t.Errorf("more ways than one question names: %v, want it refused", err)
	}
}
