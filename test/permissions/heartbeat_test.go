package permissions

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestHeartbeatsNeedEveryPermissionOfTheirRole(t *testing.T) {
	role := shipped(t, func(r roles.Role) bool { return r.ID == "iapguardHeartbeat" })
	beat := func(granted []apiserver.Role) string {
		o := cloudtest.Start(t, playground.Options{Roles: granted})
		clients, err := cloud.Connect(t.Context(), connect.Config{
			Endpoint: o.URL(), Self: playground.FunctionAccount, UserAgent: function.UserAgent,
		}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return fault.Of(clients.LogHeartbeat(t.Context(), "projects/"+playground.Project, "1.a")).Permission
	}
	if missing := beat(role); missing != "" {
		t.Fatalf("with the whole role %s is missing", missing)
	}
	for _, permission := range permissions(role) {
		if diff := cmp.Diff(permission, beat(without(role, permission))); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
	}
}
