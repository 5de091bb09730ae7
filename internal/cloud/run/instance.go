package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/api/googleapi"
	knative "google.golang.org/api/run/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Instances names the Cloud Run instances in a scope. As with services, v2 lists one
// region at a time; that v1 lists those of every region at the global host is
// *unverified*. Where the API has no such method there are none: instances are in preview.
// Where the list does not reach every place the error is a fault.Unavailable, and the
// instances of the other places are there.
func (c *Client) Instances(ctx context.Context, scope posture.Scope) ([]posture.Target, error) {
	parent := "namespaces/" + scope.Project
	var found []posture.Target
	var lacking []string
	err := connect.AllPages(ctx, continuing(func(ctx context.Context, token string) (*knative.ListInstancesResponse, string, error) {
		page, err := c.everywhere.List(parent).Continue(token).Context(ctx).Do()
		if err != nil {
			return nil, "", err
		}
		return page, continued(page.Metadata), nil
	}), func(page *knative.ListInstancesResponse) error {
		for _, item := range page.Items {
			if item.Metadata == nil {
				continue
			}
			location := item.Metadata.Labels[regionLabel]
			if scope.Location == "" || scope.Location == location {
				found = append(found, posture.Target{Project: scope.Project, Location: location, Service: item.Metadata.Name,
					Instance: true})
			}
		}
		lacking = append(lacking, page.Unreachable...)
		return nil
	})
	switch {
	case err != nil && noSuchMethod(err):
		return nil, nil
	case err != nil:
		return found, fmt.Errorf("listing the instances of %q: %w", parent, connect.Needing("run.instances.list", err))
	case scope.Location != "":
		lacking = concerning(scope.Location, lacking)
	}
	return found, unreached("instances", parent, lacking)
}

// noSuchMethod reports whether an API does not have a method. Google's front end answers
// that with a page, and APIs answer about a resource with JSON (recorded for other APIs).
func noSuchMethod(err error) bool {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return false
	}
	return answer.Code == http.StatusNotImplemented ||
		answer.Code == http.StatusNotFound && !json.Valid([]byte(answer.Body))
}

// Instance reads the settings and state of an instance, which has those of a service. One
// that does not exist is fault.ServiceGone.
func (c *Client) Instance(ctx context.Context, target posture.Target) (posture.Service, error) {
	found, err := c.instances.Get(target.Name()).Context(ctx).Do()
	if err == nil {
		err = connect.About(target.Name(), found.Name)
	}
	if err != nil {
		classified := *fault.Of(connect.Needing("run.instances.get", err))
		if classified.Kind == fault.NotFound {
			classified.Kind = fault.ServiceGone
		}
		return posture.Service{}, fmt.Errorf("reading instance %q: %w", target.Service, &classified)
	}
	setting, known := ingress[found.Ingress]
	if !known {
		setting = posture.Ingress(found.Ingress)
	}
	return posture.Service{
		UID: found.Uid, Version: found.Etag, Ingress: setting,
		InvokerCheckOff: found.InvokerIamDisabled, IAPOn: found.IapEnabled,
		URLs: found.Urls, DefaultURLDisabled: found.DefaultUriDisabled, Labels: found.Labels,
		Reconciling: found.Reconciling, LastModifier: found.LastModifier,
		CreatedAt: parseTime(found.CreateTime), UpdatedAt: parseTime(found.UpdateTime),
	}, nil
}

// InstancePolicy reads the instance's own IAM policy, conditions included.
func (c *Client) InstancePolicy(ctx context.Context, target posture.Target) (posture.Policy, error) {
	answer, err := c.instances.GetIamPolicy(target.Name()).OptionsRequestedPolicyVersion(3).Context(ctx).Do()
	if err != nil {
		return posture.Policy{}, fmt.Errorf("reading the IAM policy of %q: %w", target.Name(),
			connect.Needing("run.instances.getIamPolicy", err))
	}
	var policy iampolicy.Policy
	err = iampolicy.Convert(answer, &policy)
	return policy.Posture(), err
}
