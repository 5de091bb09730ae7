// Package iam reads custom roles.
package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	iam "google.golang.org/api/iam/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client talks to IAM.
type Client struct{ api *iam.Service }

// New connects to the API.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.IAM)
	if err != nil {
		return nil, err
	}
	api, err := iam.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to IAM: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api}, nil
}

// Role reads what a custom role contains. A deleted one, which can be read for weeks,
// contains nothing. From a 404 nothing is concluded: IAM takes no binding of a role that
// does not exist.
func (c *Client) Role(ctx context.Context, name string) (posture.Role, error) {
	var found *iam.Role
	var err error
	if strings.HasPrefix(name, "organizations/") {
		found, err = c.api.Organizations.Roles.Get(name).Context(ctx).Do()
	} else {
		found, err = c.api.Projects.Roles.Get(name).Context(ctx).Do()
	}
	if err == nil {
		err = connect.About(name, found.Name)
	}
	if err != nil {
		return posture.Role{}, fmt.Errorf("reading the role %q: %w", name, connect.Needing("iam.roles.get", err))
	}
	return roleOf(found), nil
}

// disabled is the stage of a role that contributes no permissions.
const disabled = "DISABLED"

func roleOf(found *iam.Role) posture.Role {
	if found.Deleted || found.Stage == disabled {
		return posture.Role{}
	}
	contains := func(permission string) bool { return slices.Contains(found.IncludedPermissions, permission) }
	return posture.Role{
		Invokes:          contains("run.routes.invoke"),
		InvokesInstances: contains("run.instances.invoke"),
		PassesIAP:        contains("iap.webServiceVersions.accessViaIAP"),
		Administers:      slices.ContainsFunc(found.IncludedPermissions, administers),
	}
}

// administering are the permissions by which somebody gets the right to invoke a
// service: by its policy or that of what is above it, by its settings, by a role, or as
// an account that has the right.
var administering = []string{
	"run.services.setIamPolicy", "run.services.update", "run.instances.setIamPolicy", "run.instances.update",
	"resourcemanager.projects.setIamPolicy", "resourcemanager.folders.setIamPolicy",
	"resourcemanager.organizations.setIamPolicy", "iam.roles.update", "iam.serviceAccountKeys.create",
}

// administers reports whether a permission is one of them. Those of service accounts
// but for reading them all lead to acting as one.
func administers(permission string) bool {
	verb, ofAccounts := strings.CutPrefix(permission, "iam.serviceAccounts.")
	reads := strings.HasPrefix(verb, "get") && verb != "getAccessToken" && verb != "getOpenIdToken" || verb == "list"
	return ofAccounts && !reads || slices.Contains(administering, permission)
}
