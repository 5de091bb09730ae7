package loop

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

func TestHTTP2BehindAClassicLoadBalancerIsBlocked(t *testing.T) {
	r := start(t, "", strings.Replace(enforcing, "mode: enforce", "mode: report-only", 1))
	hello := stage.Scenario[0]
	if err := hello.Deploy(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.call(r.developer(), http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=template", map[string]any{"template": map[string]any{
		"containers": []any{map[string]any{"image": stage.Image, "ports": []any{map[string]any{"name": "h2c", "containerPort": 8080}}}},
	}})
	if err := hello.Balance(t.Context(), r.developer()); err != nil {
		t.Fatal(err)
	}
	r.until("hello is looked at", func() bool { return r.last("hello").Outcome == report.Planned })
	r.call(r.developer(), http.MethodPatch, "/compute/v1/projects/"+stage.Project+"/global/backendServices/"+hello.Backend(),
		map[string]any{"loadBalancingScheme": "EXTERNAL"})
	r.until("hello is blocked", func() bool { return r.last("hello").Outcome == report.Blocked })
	for _, finding := range r.last("hello").Findings {
		if finding.Code == posture.HTTP2Classic {
			return
		}
	}
	t.Errorf("findings %+v, want HTTP_TWO_CLASSIC among them", r.last("hello").Findings)
}
