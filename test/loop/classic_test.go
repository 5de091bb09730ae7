package loop

import (
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

func TestHTTP2BehindAClassicLoadBalancerIsBlocked(t *testing.T) {
	t.Parallel()
	r := start(t, "mode: report-only")
	hello := playground.Scenario[0]
	r.Deploy(hello)
	r.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=template", map[string]any{"template": map[string]any{
		"containers": []any{map[string]any{"image": playground.Image,
			"ports": []any{map[string]any{"name": "h2c", "containerPort": 8080}}}},
	}})
	r.Balance(hello)
	r.Until("hello is looked at", func() bool { return r.LastOf("hello").Outcome == report.Planned })
	r.Call(http.MethodPatch, "/compute/v1/projects/"+playground.Project+"/global/backendServices/"+hello.Backend(),
		map[string]any{"loadBalancingScheme": "EXTERNAL"})
	r.Until("hello is blocked", func() bool { return r.LastOf("hello").Outcome == report.Blocked })
	for _, finding := range r.LastOf("hello").Findings {
		if finding.Code == protection.HTTP2Classic {
			return
		}
	}
	t.Errorf("findings %+v, want HTTP_TWO_CLASSIC among them", r.LastOf("hello").Findings)
}
