package permissions

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/internal/localcloud/kernel"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/town"
	"github.com/iapguard/iapguard/test/town/guarded"
)

// policy asks for everything that the roles let the function do.
var policy = town.Policy("oauthClient: {id: 123-shop.apps.googleusercontent.com, secret: projects/demo-project/secrets/iap-client/versions/latest}")

// blocked are the lines of advice of every blocked report.
func blocked(o *guarded.Town) []string {
	var lines []string
	for _, one := range o.Reports() {
		if one.Outcome == report.Blocked {
			lines = append(lines, one.Advice...)
		}
	}
	return lines
}

// unread are the permissions for want of which an optional read failed.
func unread(o *guarded.Town) []string {
	var permissions []string
	for _, one := range o.Reports() {
		for _, unread := range one.Unread {
			permissions = append(permissions, unread.Permission)
		}
	}
	return permissions
}

// play deploys the whole scenario beside a function that holds the given roles:
// global and regional, with frontends that have no TLS too, so that there is an
// event of every kind. In the end everything is looked at once more.
func play(t *testing.T, roles []kernel.Role) *guarded.Town {
	t.Helper()
	o := guarded.Start(t, guarded.Options{Policy: policy, Log: slog.New(slog.DiscardHandler), Stage: stage.Options{Roles: roles}})
	o.KeepSecret("iap-client", "kept")
	for _, service := range stage.Scenario {
		o.Build(service)
		place := "/global"
		if service.Regional {
			place = "/regions/" + service.Region
		}
		o.Call(http.MethodPost, "/compute/v1/projects/"+stage.Project+place+"/targetHttpProxies", map[string]any{
			"name": service.Service + "-plain", "urlMap": "projects/" + stage.Project + place + "/urlMaps/" + service.Service + "-map",
		})
	}
	o.Idle() // what was deployed must be finished before the sweep looks at it
	o.Publish(stage.CommandsTopic, `{"command":"sweep","target":"projects/`+stage.Project+`"}`)
	o.Publish(stage.CommandsTopic, `{"command":"doctor","target":"`+stage.Scenario[0].Name()+`"}`)
	o.Idle()
	return o
}

// without is the roles less one permission.
func without(roles []kernel.Role, permission string) []kernel.Role {
	reduced := slices.Clone(roles)
	for i := range reduced {
		reduced[i].Permissions = slices.DeleteFunc(slices.Clone(reduced[i].Permissions), func(p string) bool { return p == permission })
	}
	return reduced
}

// optionalPermissions are those of the roles on projects that iapguard can do
// without. What is optional elsewhere is needed by policies that ask for it.
func optionalPermissions(t *testing.T) []string {
	t.Helper()
	shipped, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	var optional []string
	for _, role := range shipped {
		if role.Optional && role.BindTo == "project" {
			optional = append(optional, role.Names()...)
		}
	}
	if len(optional) == 0 {
		t.Fatal("no role is optional")
	}
	return optional
}

// together is how many plays run side by side: they wait a little, and more of
// them would only make each take longer than patience lasts.
const together = 4

func TestEveryPermissionOfTheRolesIsNeededAndTheyAreEnough(t *testing.T) {
	shipped, err := stage.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", func(t *testing.T) {
		o := play(t, shipped)
		for _, service := range stage.Scenario {
			if !o.Safe(service.Service)() {
				t.Errorf("%s ends %q, want protected or compliant", service.Service, o.LastOf(service.Service).Outcome)
			}
		}
		if lines := blocked(o); len(lines) > 0 {
			t.Errorf("something is blocked: %q", lines)
		}
	})
	var permissions []string
	for _, role := range shipped {
		permissions = append(permissions, role.Permissions...)
	}
	optional := optionalPermissions(t)
	var needed atomic.Int64
	var group errgroup.Group
	group.SetLimit(together)
	for _, permission := range permissions {
		group.Go(func() error {
			if t.Run("without "+permission, func(t *testing.T) {
				isMissed(t, play(t, without(shipped, permission)), permission, slices.Contains(optional, permission))
			}) {
				needed.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // each subtest tells its own failure
	fmt.Printf("%d permissions: %d needed\n", len(permissions), needed.Load())
}

// isMissed checks that the reports of a play name the permission that was left
// out: as unread where it is optional, as blocking otherwise.
func isMissed(t *testing.T, o *guarded.Town, permission string, optional bool) {
	t.Helper()
	lines := blocked(o)
	if optional {
		if unread := unread(o); len(lines) > 0 || !slices.Contains(unread, permission) {
			t.Errorf("it is optional: unread for want of %q, blocked %q; want it told and nothing blocked", unread, lines)
		}
		return
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, " the permission "+permission) }) {
		t.Errorf("no blocked report advises to grant it; blocked reports say %q", lines)
	}
}
