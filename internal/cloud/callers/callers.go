// Package callers finds what is configured in a project to call a Cloud Run
// service: push subscriptions, Eventarc triggers and Cloud Scheduler jobs. It
// gives them as they are; whether a change shuts one out is posture's to say.
package callers

import (
	"context"

	cloudscheduler "google.golang.org/api/cloudscheduler/v1"
	eventarc "google.golang.org/api/eventarc/v1"
	pubsub "google.golang.org/api/pubsub/v1"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client reads from Pub/Sub, Eventarc and Cloud Scheduler.
type Client struct {
	subscriptions *pubsub.ProjectsSubscriptionsService
	triggers      *eventarc.ProjectsLocationsTriggersService
	jobs          *cloudscheduler.ProjectsLocationsJobsService
}

// New connects to the three APIs.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	c := &Client{}
	for _, part := range []func(context.Context, connect.Config) error{c.toPubSub, c.toEventarc, c.toScheduler} {
		if err := part(ctx, config); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// maxPages bounds every list: a project with more is told as not read to the end.
const maxPages = 20

// bounded counts the pages of a list, and stops after the last that is allowed.
type bounded struct{ pages int }

func (b *bounded) next(what, project string) error {
	if b.pages++; b.pages >= maxPages {
		return fault.New(fault.Invalid, "project %q has more %s than are looked through", project, what)
	}
	return nil
}

func configured(kind caller.Kind, name, address, principal, audience string) caller.Caller {
	return caller.Caller{
		Kind: kind, Name: posture.Shown(name), Address: posture.Shown(posture.BareURL(address)), Principal: posture.Shown(principal), Audience: posture.Shown(audience),
	}
}
