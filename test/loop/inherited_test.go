package loop

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// unnamed enforces and names nobody who is to have access.
const unnamed = "version: 1\nrules: [{name: everything, mode: enforce, settle: 0s, quiet: 0s, propagation: 0s}]\n"

func TestAccessThatTheProjectGivesIsAccess(t *testing.T) {
	t.Parallel()
	r := withfunction.Start(t, withfunction.Options{Policy: unnamed})
	owner := r.Owner()
	policy := r.CallAs(owner, http.MethodPost, "/v1/projects/"+playground.Project+":getIamPolicy", nil)
	bindings, _ := policy["bindings"].([]any)
	agent := "serviceAccount:" + posture.AgentEmail("123456789012")
	r.CallAs(owner, http.MethodPost, "/v1beta1/projects/"+playground.Project+
		"/services/iap.googleapis.com:generateServiceIdentity", map[string]any{})
	policy["bindings"] = append(bindings,
		map[string]any{"role": posture.RoleAccessor, "members": []any{"group:staff@example.com"}},
		map[string]any{"role": posture.RoleInvoker, "members": []any{agent}})
	r.CallAs(owner, http.MethodPost, "/v1/projects/"+playground.Project+":setIamPolicy", map[string]any{"policy": policy})
	hello := playground.Scenario[0]
	r.Build(hello)
	r.Until("hello is protected", func() bool { return slices.Contains(r.Outcomes("hello"), report.Protected) })
	for _, write := range r.OwnWrites() {
		if strings.Contains(write, "iap.setIamPolicy") || strings.Contains(write, "generateServiceIdentity") {
			t.Errorf("%s grants what is inherited already", write)
		}
	}
	if last := r.LastOf("hello"); last.Exposed != door.No || len(last.Unread) > 0 {
		t.Errorf("exposed %v, unread %+v", last.Exposed, last.Unread)
	}
}
