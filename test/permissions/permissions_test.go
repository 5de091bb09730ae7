package permissions

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// client is a key of a policy that needs the role for the OAuth client's secret.
const client = "oauthClient: {id: 123-shop.apps.googleusercontent.com, secret: " +
	"projects/demo-project/secrets/iap-client/versions/latest}"

// enforcing asks for everything that the roles let the function do, looking for
// everything that it looks at in report-only.
var enforcing, looking = cloudtest.Policy(client), cloudtest.Policy(client, "mode: report-only")

// shipped are the roles of deploy/ that are chosen.
func shipped(t *testing.T, chosen func(roles.Role) bool) []apiserver.Role {
	t.Helper()
	known, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	all, err := playground.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	var found []apiserver.Role
	for i, role := range known {
		if chosen(role) {
			found = append(found, all[i])
		}
	}
	if len(found) == 0 {
		t.Fatal("no role of deploy/ is chosen")
	}
	return found
}

// reads chooses the roles that mode report-only needs, with those that it does
// without: the others let the function write.
func reads(role roles.Role) bool {
	always := role.ID == "iapguardReader" || role.ID == "iapguardInherited" || role.ID == "iapguardAncestors"
	return always || role.Optional && (role.BindTo == "project" || role.BindTo == "organization")
}

func all(roles.Role) bool            { return true }
func writes(role roles.Role) bool    { return role.ID == "iapguardWriter" || role.ID == "iapguardRuntime" }
func enables(role roles.Role) bool   { return role.ID == "iapguardAPIs" }
func stays(role roles.Role) bool     { return !writes(role) && !enables(role) } // with the function's own account
func readerAlone(r roles.Role) bool  { return reads(r) && !r.Optional }
func optionalRead(r roles.Role) bool { return reads(r) && r.Optional }

// dispensable are the permissions without which report-only sees less and decides the same.
func dispensable(t *testing.T) (names []string) {
	t.Helper()
	known, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range slices.DeleteFunc(known, func(r roles.Role) bool { return !reads(r) }) {
		for _, permission := range role.Permissions {
			if role.Optional || permission.Optional {
				names = append(names, permission.Name)
			}
		}
	}
	return names
}

// atTimes are permissions that no look at a service of this project asks for: how load balancers
// answered is read only once a step may have shut somebody out, and projects are listed where a
// folder or an organization is swept (TestAFolderIsSearchedWhereItsListsAreDenied in function/cmd/iapguard).
var atTimes = []string{"monitoring.timeSeries.list", "resourcemanager.folders.list", "resourcemanager.projects.list"}

// always are those permissions that are asked for at every look.
func always(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(atTimes, name) })
}

func permissions(of []apiserver.Role) (names []string) {
	for _, role := range of {
		names = append(names, role.Permissions...)
	}
	return names
}

// blocked are the lines of advice of every blocked report.
func blocked(o *withfunction.Env) []string {
	var lines []string
	for _, one := range o.Reports() {
		if one.Outcome == report.Blocked {
			lines = append(lines, one.Advice...)
		}
	}
	return lines
}

// unread are the permissions whose lack made an optional read fail.
func unread(o *withfunction.Env) []string {
	var permissions []string
	for _, one := range o.Reports() {
		for _, unread := range one.Unread {
			if unread.Permission != "" { // what is put off is unread too
				permissions = append(permissions, unread.Permission)
			}
		}
	}
	slices.Sort(permissions)
	return slices.Compact(permissions)
}

// play deploys the whole scenario beside a function that holds the given roles:
// global and regional, with frontends that have no TLS too, so that there is an
// event of every kind. In the end everything is looked at once more. With roles
// for a writer the function writes as that, and as itself not.
func play(t *testing.T, rules string, roles []apiserver.Role, writing ...apiserver.Role) *withfunction.Env {
	t.Helper()
	options := withfunction.Options{Policy: rules, Log: slog.New(slog.DiscardHandler),
		Playground: playground.Options{Roles: roles}}
	if writing != nil {
		options.Writers = reconcile.Writers{cloudtest.WriterFolder: cloudtest.Writer}
	}
	o := withfunction.Start(t, options)
	if writing != nil {
		o.CreateWriter(writing...)
	}
	if rules == looking {
		o.MoveIntoFolder()
	}
	o.KeepSecret("iap-client", "kept")
	for _, service := range playground.Scenario {
		o.Build(service)
		place := "/global"
		if service.Regional {
			place = "/regions/" + service.Region
		}
		o.Call(http.MethodPost, "/compute/v1/projects/"+playground.Project+place+"/targetHttpProxies", map[string]any{
			"name": service.Service + "-plain", "urlMap": "projects/" + playground.Project + place + "/urlMaps/" +
				service.Service + "-map",
		})
	}
	o.Call(http.MethodPost, "/v2/projects/"+playground.Project+"/locations/us-central1/instances?instanceId=box",
		map[string]any{"containers": []any{map[string]any{"image": playground.Image}}})
	diagnosed := slices.Clone(playground.Scenario)
	if rules == looking {
		o.Build(guardedByHand)
		guardByHand(t, o)
		everybodyReads(o)
		diagnosed = append(diagnosed, guardedByHand)
	}
	o.Idle() // what was deployed must be finished before the sweep looks at it
	for _, command := range []string{"sweep", "audit"} {
		o.Publish(playground.CommandsTopic, `{"command":"`+command+`","target":"projects/`+playground.Project+`"}`)
	}
	for _, service := range diagnosed {
		o.Publish(playground.CommandsTopic, `{"command":"doctor","target":"`+service.Name()+`"}`)
	}
	o.Idle()
	return o
}

// guardedByHand is a service that its owner protects, so that the doctor has to
// look for less common reasons of a refusal than that nothing was done yet.
var guardedByHand = playground.LoadBalanced{Service: "tickets", Region: "us-central1", Host: "tickets.example.com"}

// guardByHand types iapguard apply as the project's owner.
func guardByHand(t *testing.T, o *withfunction.Env) {
	t.Helper()
	final, err := withfunction.Applying(t, o.Env, guardedByHand.Name(), function.Wiring{
		Publisher: discarded{}, Log: slog.New(slog.DiscardHandler),
	})()
	if err != nil || final.Outcome != report.Protected {
		t.Fatalf("by hand: %q, %v", final.Outcome, err)
	}
}

// everybodyReads gives everybody a custom role at the project's IAP, by which nobody
// passes.
func everybodyReads(o *withfunction.Env) {
	const project = "/v1/projects/" + playground.Project
	o.CallAs(o.Owner(), http.MethodPost, project+"/roles", map[string]any{"roleId": "readers",
		"role": map[string]any{"title": "Readers", "includedPermissions": []any{"run.services.get"}}})
	o.CallAs(o.Owner(), http.MethodPost, project+"/iap_web:setIamPolicy", map[string]any{"policy": map[string]any{
		"bindings": []any{map[string]any{"role": project[len("/v1/"):] + "/roles/readers", "members": []any{"allUsers"}}}}})
}

// discarded publishes to nobody.
type discarded struct{}

func (discarded) Publish(context.Context, report.Report) error { return nil }

// without is the roles less one permission.
func without(roles []apiserver.Role, permission string) []apiserver.Role {
	reduced := slices.Clone(roles)
	for i := range reduced {
		reduced[i].Permissions = slices.DeleteFunc(slices.Clone(reduced[i].Permissions),
			func(p string) bool { return p == permission })
	}
	return reduced
}

// together is how many plays run side by side: they wait a little, and more of
// them would only make each take longer than patience lasts.
const together = 4

// everyOneIsMissed plays once without each of the permissions, and prints how
// many were missed.
func everyOneIsMissed(t *testing.T, what string, permissions []string,
	play func(t *testing.T, without string) *withfunction.Env, optional []string) {
	t.Helper()
	var needed atomic.Int64
	var group errgroup.Group
	group.SetLimit(together)
	for _, permission := range permissions {
		group.Go(func() error {
			if t.Run("without "+permission, func(t *testing.T) {
				isMissed(t, play(t, permission), permission, slices.Contains(optional, permission))
			}) {
				needed.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // each subtest reports its own failure
	fmt.Printf("%s, %d permissions: %d needed\n", what, len(permissions), needed.Load())
}

// isMissed checks that the reports of a play name the permission that was left
// out: as unread where it is optional, as blocking otherwise.
func isMissed(t *testing.T, o *withfunction.Env, permission string, optional bool) {
	t.Helper()
	lines := blocked(o)
	if strings.HasSuffix(strings.ToLower(permission), "operations.get") {
		// The resource shows that a write took effect. Only a write that failed is named later.
		for _, each := range playground.Scenario {
			if outcome := o.LastOf(each.Service).Outcome; outcome != "" && !o.Safe(each.Service)() {
				t.Errorf("%s ends %s, want its writes seen by their effect", each.Service, outcome)
			}
		}
		if len(lines) > 0 || o.LastOf(playground.Scenario[0].Service).Outcome == "" {
			t.Errorf("blocked %q; want nothing blocked, and a report", lines)
		}
		return
	}
	if optional {
		if unread := unread(o); len(lines) > 0 || !slices.Contains(unread, permission) {
			t.Errorf("it is optional: unread for want of %q, blocked %q; want it named and nothing blocked", unread, lines)
		}
		return
	}
	if !slices.ContainsFunc(lines, func(line string) bool {
		return strings.HasSuffix(line, " the permission "+permission) ||
			strings.Contains(line, " the permission "+permission+" on ")
	}) {
		t.Errorf("no blocked report advises to grant it; blocked reports say %q", lines)
	}
}
