// Package iap reads and writes who has access through Identity-Aware Proxy.
package iap

import (
	"context"
	"fmt"
	"strings"

	iap "google.golang.org/api/iap/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client talks to IAP.
type Client struct {
	policies *iap.V1Service
	seen     *iampolicy.Seen
}

// New connects to the API.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.IAP)
	if err != nil {
		return nil, err
	}
	api, err := iap.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to IAP: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.V1, iampolicy.NewSeen()}, nil
}

// Policy reads the policy of an iap_web resource; inherited bindings are not in it.
func (c *Client) Policy(ctx context.Context, resource string) (posture.Policy, error) {
	policy, err := c.policy(ctx, resource)
	return policy.Posture(), err
}

func (c *Client) policy(ctx context.Context, resource string) (iampolicy.Policy, error) {
	var policy iampolicy.Policy
	request := &iap.GetIamPolicyRequest{Options: &iap.GetPolicyOptions{RequestedPolicyVersion: 3}}
	answer, err := c.policies.GetIamPolicy(resource, request).Context(ctx).Do()
	if err != nil {
		return policy, fmt.Errorf("reading the access policy of %q: %w", resource, connect.Needing(permission(resource), err))
	}
	if err := iampolicy.Convert(answer, &policy); err != nil {
		return policy, err
	}
	c.seen.Note(resource, policy)
	return policy, nil
}

// permission is what reading a policy of IAP needs; each depth of its tree has
// a permission of its own. Source: iap/docs/managing-access.
func permission(resource string) string {
	switch _, below, _ := strings.Cut(resource, "/iap_web"); strings.Count(below, "/") {
	case 0:
		return "iap.web.getIamPolicy"
	case 1:
		return "iap.webTypes.getIamPolicy"
	}
	return "iap.webServices.getIamPolicy"
}

// ChangePolicy lets change alter the policy of an iap_web resource as it was observed, and writes
// it back at the observed version. It reads the policy where another version was seen last. It
// returns the version after the write. A policy at another version is a fault.Conflict; a policy
// that change leaves as it is is not written.
func (c *Client) ChangePolicy(
	ctx context.Context, resource, version string, change func(*iampolicy.Policy) bool,
) (string, error) {
	policy, ok := c.seen.At(resource, version)
	if !ok {
		var err error
		if policy, err = c.policy(connect.AsSelf(ctx), resource); err != nil {
			return "", fault.Stale(err)
		}
		if err := policy.Unmoved(version); err != nil {
			return "", fmt.Errorf("writing the access policy of %q: %w", resource, err)
		}
	}
	if !change(&policy) {
		return version, nil
	}
	policy.Version = 3
	request := &iap.SetIamPolicyRequest{Policy: &iap.Policy{}}
	if err := iampolicy.Convert(policy, request.Policy); err != nil {
		return "", err
	}
	written, err := c.policies.SetIamPolicy(resource, request).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("writing the access policy of %q: %w", resource, fault.Stale(connect.Classify(err)))
	}
	return written.Etag, c.seen.Written(resource, written)
}
