package cloud

import (
	"context"
	"slices"

	"github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
)

// OwnDoor is who may call a service by the service's own settings.
type OwnDoor struct {
	URLs []string // at which the service is called
	// CheckOff means that Cloud Run does not check who calls.
	CheckOff bool
	// Invokers may call it by its own policy. Named members of a role that may deploy it as well
	// are left out: they need no token to have it do what they like.
	Invokers []string
}

// deploys are the predefined roles that invoke a service and may put another image into it.
// Source: run/docs/reference/iam/roles.
var deploys = []string{"roles/run.admin", "roles/run.developer", "roles/run.sourceDeveloper", "roles/editor", "roles/owner"}

// OwnDoor reads who may call a service, by its settings and its own policy. What the project
// and those above it grant is not read: who calls names themselves all the same.
func (c *Cloud) OwnDoor(ctx context.Context, target posture.Target) (OwnDoor, error) {
	service, err := c.run.Service(ctx, target)
	if err != nil {
		return OwnDoor{}, err
	}
	policy, err := c.run.Policy(ctx, target)
	if err != nil {
		return OwnDoor{}, err
	}
	own := OwnDoor{URLs: service.URLs, CheckOff: service.InvokerCheckOff}
	for _, grant := range door.Invokers(posture.Posture{Target: target, Service: service, Invokers: policy}, policy) {
		if door.IsPublic(grant.Member) || !slices.Contains(deploys, grant.Role) {
			own.Invokers = append(own.Invokers, grant.Member)
		}
	}
	return own, nil
}

// Deployed reads how a service runs: see run.Deployed.
func (c *Cloud) Deployed(ctx context.Context, target posture.Target) (run.Deployed, error) {
	return c.run.Deployed(ctx, target)
}
