package permissions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/kernel"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// patience is how long one play may take; it ends as soon as every message has
// been handled.
const patience = 60 * time.Second

const policy = `version: 1
rules:
  - name: everything
    mode: enforce
    access:
      members: ["user:alice@example.com"]
    oauthClient: {id: 123-shop.apps.googleusercontent.com, secret: projects/demo-project/secrets/iap-client/versions/latest}
    settle: 0s
    propagation: 0s
`

// reports collects what was published.
type reports struct {
	mu  sync.Mutex
	all []report.Report
}

func (r *reports) add(received stage.Report) {
	one, err := report.Read(received.Data)
	if err != nil {
		one = report.Report{Outcome: report.Blocked, Advice: []string{"a report does not fit its schema: " + err.Error()}}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

// blocked are the lines of advice of every blocked report.
func (r *reports) blocked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, one := range r.all {
		if one.Outcome == report.Blocked {
			lines = append(lines, one.Advice...)
		}
	}
	return lines
}

// unread are the permissions for want of which an optional read failed.
func (r *reports) unread() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var permissions []string
	for _, one := range r.all {
		for _, unread := range one.Unread {
			permissions = append(permissions, unread.Permission)
		}
	}
	return permissions
}

// last is the last outcome that was reported for a service.
func (r *reports) last(service string) report.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	var outcome report.Outcome
	for _, one := range r.all {
		if one.Target != nil && one.Target.Service == service {
			outcome = one.Outcome
		}
	}
	return outcome
}

// play deploys the scenario beside a function that holds the given roles, and
// lets every event and a sweep of the project come to an end.
func play(ctx context.Context, roles []kernel.Role) (received *reports, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := stage.Start(ctx, stage.Options{Roles: roles})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	received = &reports{}
	if err := s.OnReport(ctx, received.add); err != nil {
		return nil, err
	}
	protect, err := newFunction(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, protect.Close()) }()
	if err := s.Attach(ctx, protect); err != nil {
		return nil, err
	}
	if err := keepSecret(ctx, stage.Client{URL: s.URL()}); err != nil {
		return nil, err
	}
	if err := deploy(ctx, s); err != nil {
		return nil, err
	}
	return received, s.Broker.Idle(ctx)
}

// keepSecret makes the secret of the policy's OAuth client, as its owner.
func keepSecret(ctx context.Context, owner stage.Client) error {
	const secrets = "/v1/projects/" + stage.Project + "/secrets"
	automatic := map[string]any{"replication": map[string]any{"automatic": map[string]any{}}}
	if _, err := owner.Call(ctx, http.MethodPost, secrets+"?secretId=iap-client", automatic); err != nil {
		return err
	}
	_, err := owner.Call(ctx, http.MethodPost, secrets+"/iap-client:addVersion", map[string]any{"payload": map[string]any{"data": "a2VwdA=="}})
	return err
}

func newFunction(ctx context.Context, s *stage.Stage) (*function.Function, error) {
	config, err := function.ReadConfig(nil)
	if err != nil {
		return nil, err
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText = s.URL(), []byte(policy)
	config.ReportsTopic, config.PubSubHost = stage.ReportsTopic, s.Broker.Address()
	return function.New(ctx, config, slog.New(slog.DiscardHandler))
}

// deploy plays the whole scenario as its developer: global and regional, with
// frontends that have no TLS too, so that there is an event of every kind; in
// the end everything is looked at once more.
func deploy(ctx context.Context, s *stage.Stage) error {
	developer := stage.Client{URL: s.URL(), Caller: stage.Developer}
	for _, service := range stage.Scenario {
		for _, step := range []func(context.Context, stage.Client) error{service.Deploy, service.Balance} {
			if err := step(ctx, developer); err != nil {
				return err
			}
		}
		place := "/global"
		if service.Regional {
			place = "/regions/" + service.Region
		}
		if _, err := developer.Call(ctx, http.MethodPost, "/compute/v1/projects/"+stage.Project+place+"/targetHttpProxies", map[string]any{
			"name": service.Service + "-plain", "urlMap": "projects/" + stage.Project + place + "/urlMaps/" + service.Service + "-map",
		}); err != nil {
			return err
		}
	}
	// What was deployed must be finished before the sweep looks at it.
	if err := s.Broker.Idle(ctx); err != nil {
		return err
	}
	for _, command := range []string{
		`{"command":"sweep","target":"projects/` + stage.Project + `"}`,
		`{"command":"doctor","target":"` + stage.Scenario[0].Name() + `"}`,
	} {
		if _, err := s.Broker.Publish(ctx, delivery.Message{Topic: stage.CommandsTopic, Data: []byte(command)}); err != nil {
			return err
		}
	}
	return nil
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

// together is how many plays run side by side: they mostly wait.
const together = 8

func TestEveryPermissionOfTheRolesIsNeededAndTheyAreEnough(t *testing.T) {
	shipped, err := stage.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	permissions := []string{""} // without nothing
	for _, role := range shipped {
		permissions = append(permissions, role.Permissions...)
	}
	plays := make([]*reports, len(permissions))
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(together)
	for i, permission := range permissions {
		group.Go(func() (err error) {
			if plays[i], err = play(ctx, without(shipped, permission)); err != nil {
				return fmt.Errorf("without %q: %w", permission, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, service := range stage.Scenario {
		if last := plays[0].last(service.Service); last != report.Protected && last != report.Compliant {
			t.Errorf("with all permissions %s ends %q, want protected or compliant", service.Service, last)
		}
	}
	if lines := plays[0].blocked(); len(lines) > 0 {
		t.Errorf("with all permissions something is blocked: %q", lines)
	}
	needed, optional := 0, optionalPermissions(t)
	for i, permission := range permissions[1:] {
		lines := plays[i+1].blocked()
		if slices.Contains(optional, permission) {
			needed++
			if unread := plays[i+1].unread(); len(lines) > 0 || !slices.Contains(unread, permission) {
				t.Errorf("without %s, which is optional: unread for want of %q, blocked %q; want it told and nothing blocked", permission, unread, lines)
			}
			continue
		}
		if slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, " the permission "+permission) }) {
			needed++
			continue
		}
		t.Errorf("without %s no blocked report advises to grant it; blocked reports say %q", permission, lines)
	}
	fmt.Printf("%d permissions: %d needed\n", len(permissions)-1, needed)
}
