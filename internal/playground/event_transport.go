package playground

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/eventarc"
)

// FunctionService is the Cloud Run service that a function is served as: the
// destination of triggers that are to reach it.
const (
	FunctionService = "iapguard"
	FunctionRegion  = "us-central1"
	// FunctionName is its full name.
	FunctionName = "projects/" + Project + "/locations/" + FunctionRegion + "/services/" + FunctionService
)

// eventTransport carries the events of Eventarc's triggers over the playground's Pub/Sub.
type eventTransport struct{ playground *Playground }

// containers are the addresses at which Cloud Run services really listen here,
// by region and name.
type containers map[string]string

func (s *Playground) register(region, service, endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.containers == nil {
		s.containers = containers{}
	}
	s.containers[region+"/"+service] = endpoint
}

// endpoint is where a service listens: at its own address, to which tokens are
// made out, or in the open, where the pusher chooses.
func (s *Playground) endpoint(region, service string) (endpoint, audience string, err error) {
	if address := s.Cloud.Run().Address(region, service); address != "" {
		return address, address, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.containers[region+"/"+service]; found != "" {
		return found, "", nil
	}
	var known []string
	for _, each := range slices.Sorted(maps.Keys(s.containers)) {
		place, name, _ := strings.Cut(each, "/")
		known = append(known, name+" in "+place)
	}
	if known == nil {
		known = []string{"none"}
	}
	return "", "",
		fmt.Errorf(
			"nothing listens here for Cloud Run service %q in %s, so that its events are dropped: services that do: %s",
			service, region, strings.Join(known, ", "))
}

// Open makes the topic, and the push subscription once there is a service to
// push to. Its deadline and retention are those that Eventarc's subscriptions have
// (eventarc/docs/retry-events); pauses between attempts are short, because nobody waits here
// for others (Eventarc: 10 s to 600 s). A subscription that is there keeps all but its endpoint
// and account.
func (t eventTransport) Open(ctx context.Context, route eventarc.Route) error {
	if err := t.playground.Broker.CreateTopic(ctx, route.Topic); err != nil {
		return err
	}
	endpoint, audience, err := t.playground.endpoint(route.Region, route.Service)
	switch {
	case err != nil && t.pushes(route): // to where it no longer leads
		return errors.Join(err, t.playground.Broker.Remove(ctx, route.Subscription))
	case err != nil:
		return err
	}
	subscription := delivery.Subscription{
		Name: route.Subscription, Topic: route.Topic, Endpoint: endpoint + "/" + route.Path,
		AckDeadline: 10 * time.Second, Retention: 24 * time.Hour, MinBackoff: minBackoff, MaxBackoff: maxBackoff,
		NoWrapper: true, WriteMetadata: true, Once: route.Once, Account: route.Account, Audience: audience,
	}
	if t.pushes(route) {
		return t.playground.Broker.Redirect(ctx, subscription)
	}
	return t.playground.Broker.Push(ctx, subscription)
}

// Close takes away what Open has made.
func (t eventTransport) Close(ctx context.Context, route eventarc.Route) error {
	var problems []error
	if t.pushes(route) {
		problems = append(problems, t.playground.Broker.Remove(ctx, route.Subscription))
	}
	return errors.Join(append(problems, t.playground.Broker.DeleteTopic(ctx, route.Topic))...)
}

// pushes reports whether a route's subscription is there.
func (t eventTransport) pushes(route eventarc.Route) bool {
	return slices.ContainsFunc(t.playground.Broker.State(), func(each delivery.SubscriptionState) bool {
		return each.Name == route.Subscription
	})
}
