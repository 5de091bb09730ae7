// Package eventarc reads the triggers of a project.
package eventarc

import (
	"context"
	"fmt"
	"strings"

	eventarc "google.golang.org/api/eventarc/v1"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client reads from Eventarc.
type Client struct {
	triggers *eventarc.ProjectsLocationsTriggersService
}

// New connects to Eventarc.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.Eventarc)
	if err != nil {
		return nil, err
	}
	api, err := eventarc.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Eventarc: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Projects.Locations.Triggers}, nil
}

// Triggers are those of a project.
type Triggers struct {
	project string
	all     []*eventarc.Trigger
}

// Triggers lists the triggers of a project.
func (c *Client) Triggers(ctx context.Context, project string) (Triggers, error) {
	found := Triggers{project: project}
	var pages connect.Pages
	list := c.triggers.List("projects/" + project + "/locations/-").PageSize(1000)
	err := list.Pages(ctx, func(page *eventarc.ListTriggersResponse) error {
		found.all = append(found.all, page.Triggers...)
		return pages.Next(page.NextPageToken, "triggers", project)
	})
	if err != nil {
		return found, fmt.Errorf("reading the Eventarc triggers of %q: %w",
			project, connect.Needing("eventarc.triggers.list", err))
	}
	return found, nil
}

// To returns the triggers that lead to a service, whose addresses are those of its parts. A
// trigger reaches services of its own project only.
// Source: eventarc/v1's discovery document, CloudRun.service.
func (t Triggers) To(addresses map[posture.Target]string) []caller.Caller {
	var found []caller.Caller
	for _, each := range t.all {
		if to, leads := destination(each, t.project, addresses); leads {
			found = append(found, caller.Caller{
				Kind: caller.EventTrigger, Name: each.Name, Address: to, Principal: each.ServiceAccount,
			})
		}
	}
	return found
}

// Carriers are the subscriptions that carry the events of the triggers: those push on the
// triggers' behalf.
func (t Triggers) Carriers() map[string]bool {
	carriers := map[string]bool{}
	for _, each := range t.all {
		if transport := each.Transport; transport != nil && transport.Pubsub != nil {
			carriers[transport.Pubsub.Subscription] = true
		}
	}
	return carriers
}

// destination is the address that a trigger calls, if it may be the service's.
// The service of a function has the function's name.
// Source: functions/docs/concepts/version-comparison.
func destination(trigger *eventarc.Trigger, project string, addresses map[posture.Target]string) (string, bool) {
	to := trigger.Destination
	switch {
	case to == nil:
		return "", false
	case to.CloudRun != nil:
		address, leads := addresses[posture.Target{
			Project: project, Location: to.CloudRun.Region, Service: to.CloudRun.Service}]
		return address + "/" + strings.TrimPrefix(to.CloudRun.Path, "/"), leads
	case to.CloudFunction != "":
		for target, address := range addresses {
			if strings.HasSuffix(to.CloudFunction, "/locations/"+target.Location+"/functions/"+target.Service) {
				return address, true
			}
		}
		return "", false
	case to.HttpEndpoint != nil:
		return to.HttpEndpoint.Uri, true
	}
	return "", false
}
