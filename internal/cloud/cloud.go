// Package cloud is the only place that knows Google's API clients. It observes
// a service with everything that leads to it, takes single steps, and resolves
// which services a load balancer's resource leads to. Values of packages posture
// and plan go in and out; errors are classified by package fault.
//
// Each API has a folder, and this package composes them: run (Cloud Run),
// loadbalancer (Compute Engine), networksecurity, iap, iam (custom roles), resourcemanager,
// serviceusage, secret (Secret Manager), asset (Cloud Asset Inventory), logging, monitoring, pubsub, eventarc, scheduler, topic (publishing to
// Pub/Sub) and storage. Folder connect has what all clients share: endpoints,
// credentials and the classification of errors.
package cloud

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/asset"
	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/eventarc"
	"github.com/iapguard/iapguard/internal/cloud/iam"
	"github.com/iapguard/iapguard/internal/cloud/iap"
	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/cloud/logging"
	"github.com/iapguard/iapguard/internal/cloud/monitoring"
	"github.com/iapguard/iapguard/internal/cloud/networksecurity"
	"github.com/iapguard/iapguard/internal/cloud/pubsub"
	"github.com/iapguard/iapguard/internal/cloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/cloud/scheduler"
	"github.com/iapguard/iapguard/internal/cloud/secret"
	"github.com/iapguard/iapguard/internal/cloud/serviceusage"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// Cloud reads and writes Google Cloud, or whatever stands at the endpoints of
// its configuration.
type Cloud struct {
	run           *run.Client
	loadBalancers *loadbalancer.Client
	policies      *networksecurity.Client
	iap           *iap.Client
	iam           *iam.Client
	projects      *resourcemanager.Client
	apis          *serviceusage.Client
	secrets       *secret.Client
	logs          *logging.Client
	metrics       *monitoring.Client
	subscriptions *pubsub.Client
	triggers      *eventarc.Client
	jobs          *scheduler.Client
	ancestors     *cache.Cache[posture.Ancestors] // by project id
	above         keptAbove[posture.Policy]       // of folders and organizations, by name
	aboveSettings keptAbove[iap.Settings]         // of IAP, likewise
	roles         *cache.Cache[posture.Role]      // by name
	ahead         *connect.Ahead
	shared        shared // of looks at many services
	sweeps        *sweeps
	assets        func(context.Context) (*asset.Client, error)
	now           func() time.Time
}

// Connect makes the clients. Credentials are looked for here; no API is called.
func Connect(ctx context.Context, config connect.Config, now func() time.Time) (*Cloud, error) {
	config.Impersonator = connect.NewImpersonator(config)
	c := &Cloud{now: now, ahead: connect.NewAhead(), sweeps: &sweeps{kept: map[swept]*Cloud{}},
		assets: func(ctx context.Context) (*asset.Client, error) { return asset.New(ctx, config) }}
	var err error
	for _, connected := range []func() error{
		func() error { c.run, err = run.New(ctx, config); return err },
		func() error { c.loadBalancers, err = loadbalancer.New(ctx, config, c.run.List); return err },
		func() error { c.policies, err = networksecurity.New(ctx, config); return err },
		func() error { c.iap, err = iap.New(ctx, config); return err },
		func() error { c.iam, err = iam.New(ctx, config); return err },
		func() error { c.projects, err = resourcemanager.New(ctx, config); return err },
		func() error { c.apis, err = serviceusage.New(ctx, config); return err },
		func() error { c.secrets, err = secret.New(ctx, config); return err },
		func() error { c.logs, err = logging.New(ctx, config, now); return err },
		func() error { c.metrics, err = monitoring.New(ctx, config); return err },
		func() error { c.subscriptions, err = pubsub.New(ctx, config); return err },
		func() error { c.triggers, err = eventarc.New(ctx, config); return err },
		func() error { c.jobs, err = scheduler.New(ctx, config); return err },
	} {
		if err := connected(); err != nil {
			return nil, err
		}
	}
	c.ancestors, err = cache.New(cache.Options[posture.Ancestors]{Size: keptProjects, TTL: ancestorsHold, Now: now})
	if err != nil {
		return nil, err
	}
	if c.above, err = newKeptAbove[posture.Policy](now); err != nil {
		return nil, err
	}
	if c.aboveSettings, err = newKeptAbove[iap.Settings](now); err != nil {
		return nil, err
	}
	c.roles, err = cache.New(cache.Options[posture.Role]{Size: keptRoles, TTL: ancestorsHold, Now: now})
	return c, err
}

// LogHeartbeat writes a heartbeat into the log of a project, a folder or an organization.
func (c *Cloud) LogHeartbeat(ctx context.Context, place, nonce string) error {
	return c.logs.WriteHeartbeat(ctx, place, nonce)
}

// Refresh drops what is kept of the resource that a cause is about, so that the next
// look reads it, and what looks of sweeps share around the service that it led to.
func (c *Cloud) Refresh(cause event.Cause, target posture.Target) {
	if cause.Command == nil {
		c.sweeps.forget(target.Project)
	}
	switch cause.Kind {
	case event.RoleChanged:
		c.roles.Forget(cause.Resource)
	case event.ProjectIAMChanged:
		c.above.cache.Forget(cause.Resource)
	case event.IAPSettingsChanged:
		c.aboveSettings.cache.Forget(cause.Resource)
	}
}

// LastWrites returns the last writes to a service and to what leads to it, as the audit log
// has them, oldest first: some of ours, by these accounts, and some of everybody else's.
func (c *Cloud) LastWrites(ctx context.Context, p posture.Posture, accounts []string) ([]event.Write, error) {
	return c.logs.LastWrites(ctx, p.Target.Project, writtenNames(p), accounts)
}

// RecentWrites returns what LastWrites does, by an answer that is ten seconds old at most.
func (c *Cloud) RecentWrites(ctx context.Context, p posture.Posture, accounts []string) ([]event.Write, error) {
	return c.logs.RecentWrites(ctx, p.Target.Project, writtenNames(p), accounts)
}

// Trail returns the writes to a service since it was created, and to what leads to it, as the
// audit logs of their projects have them.
func (c *Cloud) Trail(ctx context.Context, p posture.Posture, accounts []string) event.Trail {
	names := map[string][]string{p.Target.Project: serviceNames(p)}
	for _, backend := range p.Backends {
		names[backend.Project] = append(names[backend.Project], backendNames(backend)...)
	}
	trail := event.Trail{Unread: map[string]error{}}
	for _, project := range slices.Sorted(maps.Keys(names)) {
		writes, from, err := c.logs.Trail(ctx, logging.Written{
			Project: project, Names: distinct(names[project]), Accounts: accounts, Since: p.Service.CreatedAt,
		})
		if err != nil {
			trail.Unread[project] = err
			continue
		}
		if trail.Writes = append(trail.Writes, writes...); from.After(trail.From) {
			trail.From = from
		}
	}
	slices.SortStableFunc(trail.Writes, func(a, b event.Write) int { return a.At.Compare(b.At) })
	return trail
}

// writtenNames are how the audit log names a service and the backend services before it.
func writtenNames(p posture.Posture) []string {
	names := serviceNames(p)
	for _, backend := range p.Backends {
		names = append(names, backendNames(backend)...)
	}
	return distinct(names)
}

func serviceNames(p posture.Posture) []string {
	var names []string
	for _, part := range p.Parts() {
		names = append(names, part.Target.Service)
	}
	return names
}

// backendNames are the name of a backend service, and the id by which IAP names it.
func backendNames(b posture.Backend) []string {
	return slices.DeleteFunc([]string{b.Name, b.ID}, func(name string) bool { return name == "" })
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// Behind returns the Cloud Run services that a load balancer's resource leads
// to. Their project is the id, also where the resource names the number.
func (c *Cloud) Behind(ctx context.Context, resource string) (targets []posture.Target, err error) {
	ctx, done := c.ahead.Begin(ctx, "behind "+resource, "")
	defer func() { done(err == nil) }()
	parts := regionalParts{list: c.run.MultiRegional}
	defer parts.end()
	targets, err = c.loadBalancers.Behind(ctx, resource, func(project string) { parts.begin(ctx, project) })
	if err != nil {
		return nil, err
	}
	for i := range targets {
		project, err := c.projects.Project(ctx, targets[i].Project)
		if err != nil {
			return nil, err
		}
		targets[i].Project = project.ID
	}
	return multiRegional(ctx, targets, &parts)
}

// Services names the services and instances in a scope, sorted by name. A scope that is
// one of them yields that one, whether it exists or not. A multi-region service stands in
// the place of its regional parts. With an error come those that
// could be listed.
func (c *Cloud) Services(ctx context.Context, scope posture.Scope) ([]posture.Target, error) {
	if scope.Service != "" {
		return multiRegional(ctx, []posture.Target{posture.Target(scope)}, &regionalParts{list: c.run.MultiRegional})
	}
	ctx = c.pacing(ctx)
	project, err := c.projects.Project(ctx, scope.Project)
	if err != nil {
		return nil, err
	}
	scope.Project = project.ID
	var instances []posture.Target
	var unlisted error
	var group errgroup.Group
	group.Go(func() error { instances, unlisted = c.run.Instances(ctx, scope); return nil })
	found, err := c.run.Services(ctx, scope)
	_ = group.Wait() // its error is unlisted
	found = append(found, instances...)
	slices.SortFunc(found, func(a, b posture.Target) int { return strings.Compare(a.Name(), b.Name()) })
	return found, cmp.Or(err, unlisted)
}

func projectOf(resource string) string {
	_, rest, _ := strings.Cut(resource, "projects/")
	project, _, _ := strings.Cut(rest, "/")
	return project
}
