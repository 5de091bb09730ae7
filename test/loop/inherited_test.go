package loop

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// unnamed enforces and names nobody who is to have access.
const unnamed = "version: 1\nrules: [{name: everything, mode: enforce, settle: 0s, propagation: 0s}]\n"

func TestAccessThatTheProjectGivesIsAccess(t *testing.T) {
	r := start(t, "", unnamed)
	owner := stage.Client{URL: r.URL()}
	policy := r.call(owner, http.MethodPost, "/v1/projects/"+stage.Project+":getIamPolicy", nil)
	bindings, _ := policy["bindings"].([]any)
	agent := "serviceAccount:" + posture.AgentEmail("123456789012")
	r.call(owner, http.MethodPost, "/v1beta1/projects/"+stage.Project+"/services/iap.googleapis.com:generateServiceIdentity", map[string]any{})
	policy["bindings"] = append(bindings,
		map[string]any{"role": posture.RoleAccessor, "members": []any{"group:staff@example.com"}},
		map[string]any{"role": posture.RoleInvoker, "members": []any{agent}})
	r.call(owner, http.MethodPost, "/v1/projects/"+stage.Project+":setIamPolicy", map[string]any{"policy": policy})
	hello := stage.Scenario[0]
	r.deploy(hello)
	r.until("hello is protected", func() bool { return slices.Contains(r.of("hello"), report.Protected) })
	for _, write := range r.ownWrites() {
		if strings.Contains(write, "iap.setIamPolicy") || strings.Contains(write, "generateServiceIdentity") {
			t.Errorf("%s grants what is inherited already", write)
		}
	}
	if last := r.last("hello"); last.Exposed || len(last.Unread) > 0 {
		t.Errorf("exposed %v, unread %+v", last.Exposed, last.Unread)
	}
}
