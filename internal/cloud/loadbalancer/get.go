package loadbalancer

import (
	"context"
	"errors"
	"fmt"

	compute "google.golang.org/api/compute/v1"
	"google.golang.org/api/googleapi"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// call is the methods that every generated get has.
type call[T any] interface {
	Do(...googleapi.CallOption) (T, error)
}

// get makes the global or the regional call, whichever the link asks for.
func get[T any, G, R call[T]](l link, global G, regional R) (T, error) {
	var found T
	var err error
	if l.global() {
		found, err = global.Do()
	} else {
		found, err = regional.Do()
	}
	if err == nil {
		err = about(l, found)
	}
	switch err = connect.Classify(err); {
	case err == nil:
		return found, nil
	case fault.Of(err).Kind == fault.NotFound:
		return found, fmt.Errorf("reading %s: %w: %w", l.path(), errMissing, err)
	}
	return found, fmt.Errorf("reading %s: %w", l.path(), err)
}

// about returns an error where an answer is about another resource than the link is.
func about(l link, answer any) error {
	var self string
	switch found := answer.(type) {
	case *compute.BackendService:
		self = found.SelfLink
	case *compute.NetworkEndpointGroup:
		self = found.SelfLink
	case *compute.UrlMap:
		self = found.SelfLink
	case *compute.TargetHttpsProxy:
		self = found.SelfLink
	case *compute.TargetHttpProxy:
		self = found.SelfLink
	case *compute.ForwardingRule:
		self = found.SelfLink
	}
	answered, ok := parseLink(self)
	if !ok {
		return connect.About(l.path(), self)
	}
	if posture.ValidProjectNumber(l.name) { // the id of what is answered with its name
		answered.name = l.name
	}
	return connect.About(l.path(), answered.path())
}

// errMissing marks the 404 of a resource that was read directly: it does not
// exist. No 404 of a list proves that.
var errMissing = errors.New("the resource does not exist")

func (c *Client) backendService(ctx context.Context, l link) (*compute.BackendService, error) {
	return get[*compute.BackendService](l,
		c.api.BackendServices.Get(l.project, l.name).Context(ctx),
		c.api.RegionBackendServices.Get(l.project, l.location, l.name).Context(ctx))
}

// neg reads a NEG. Serverless ones are regional; a zonal or global one is
// answered with 404 and leads to no Cloud Run service.
func (c *Client) neg(ctx context.Context, l link) (*compute.NetworkEndpointGroup, error) {
	return get[*compute.NetworkEndpointGroup](l,
		c.api.GlobalNetworkEndpointGroups.Get(l.project, l.name).Context(ctx),
		c.api.RegionNetworkEndpointGroups.Get(l.project, l.location, l.name).Context(ctx))
}

// routing reads a URL map, target proxy or forwarding rule and gives what it
// refers to. Other collections refer to nothing of ours.
func (c *Client) routing(ctx context.Context, l link) ([]string, error) {
	switch l.collection {
	case "urlMaps":
		found, err := get[*compute.UrlMap](l,
			c.api.UrlMaps.Get(l.project, l.name).Context(ctx),
			c.api.RegionUrlMaps.Get(l.project, l.location, l.name).Context(ctx))
		if err != nil {
			return nil, err
		}
		return backendsOfMap(found), nil
	case "targetHttpsProxies":
		found, err := get[*compute.TargetHttpsProxy](l,
			c.api.TargetHttpsProxies.Get(l.project, l.name).Context(ctx),
			c.api.RegionTargetHttpsProxies.Get(l.project, l.location, l.name).Context(ctx))
		if err != nil {
			return nil, err
		}
		return []string{found.UrlMap}, nil
	case "targetHttpProxies":
		found, err := get[*compute.TargetHttpProxy](l,
			c.api.TargetHttpProxies.Get(l.project, l.name).Context(ctx),
			c.api.RegionTargetHttpProxies.Get(l.project, l.location, l.name).Context(ctx))
		if err != nil {
			return nil, err
		}
		return []string{found.UrlMap}, nil
	case "forwardingRules":
		found, err := get[*compute.ForwardingRule](l,
			c.api.GlobalForwardingRules.Get(l.project, l.name).Context(ctx),
			c.api.ForwardingRules.Get(l.project, l.location, l.name).Context(ctx))
		if err != nil {
			return nil, err
		}
		return []string{found.Target}, nil
	}
	return nil, nil
}
