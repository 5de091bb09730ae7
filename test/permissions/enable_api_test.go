package permissions

import (
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// withoutAPI is a local cloud whose project has IAP's API off, and one service that a sweep
// found there under a rule that lets the function turn the API on.
func withoutAPI(t *testing.T, roles []apiserver.Role) *withfunction.Env {
	t.Helper()
	o := withfunction.Open(t, withfunction.Options{Policy: cloudtest.Policy("enableApi: true"),
		Playground: playground.Options{Roles: roles}})
	o.Build(playground.Scenario[0])
	o.CallAs(o.Owner(), http.MethodPost,
		"/v1/projects/"+playground.Project+"/services/iap.googleapis.com:disable", map[string]any{})
	if err := o.Push(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
	o.Idle()
	return o
}

func TestTurningTheAPIOnNeedsEveryPermissionOfItsRole(t *testing.T) {
	if o := withoutAPI(t, shipped(t, all)); !o.Safe(playground.Scenario[0].Service)() {
		t.Errorf("with all roles it ends %q, blocked by %q", o.LastOf(playground.Scenario[0].Service).Outcome, blocked(o))
	}
	everyOneIsMissed(t, "turning IAP's API on", permissions(shipped(t, enables)),
		func(t *testing.T, permission string) *withfunction.Env {
			return withoutAPI(t, without(shipped(t, all), permission))
		}, nil)
}
