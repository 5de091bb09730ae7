package function

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// concerned gives the services that a cause concerns. Of a cause that concerns many projects it
// gives the projects, where other instances can share the work: their services are still to be
// listed.
func (f *Function) concerned(ctx context.Context, cause event.Cause) ([]posture.Target, error) {
	if !f.shares {
		return f.targets(ctx, cause)
	}
	container, _, _ := strings.Cut(cause.Resource, "/roles/")
	if posture.AboveProject(container) {
		projects, err := f.cloud.Below(ctx, container)
		targets := make([]posture.Target, len(projects))
		for i, project := range projects {
			targets[i].Project = project
		}
		return targets, err
	}
	if cause.Kind == event.CommandReceived && cause.Project == "" {
		scopes, err := f.scopes(cause)
		if err != nil || len(scopes) < 2 {
			return f.targets(ctx, cause)
		}
		targets := make([]posture.Target, len(scopes))
		for i, scope := range scopes {
			targets[i] = posture.Target(scope)
		}
		return targets, nil
	}
	return f.targets(ctx, cause)
}

// targets gives the services that a cause concerns. Names in a cause match Google's
// grammar. The services behind a resource are read from the APIs.
func (f *Function) targets(ctx context.Context, cause event.Cause) ([]posture.Target, error) {
	own := posture.Target{Project: cause.Project, Location: cause.Location, Service: cause.Service}
	if container, _, _ := strings.Cut(cause.Resource, "/roles/"); posture.AboveProject(container) {
		return f.below(ctx, container)
	}
	switch cause.Kind {
	case event.RunServiceChanged, event.RunServiceReady, event.RunIAMChanged, event.RunRequestDenied:
		return f.cloud.Services(ctx, posture.Scope(own))
	case event.FindingReported:
		if cause.Service != "" {
			return f.cloud.Services(ctx, posture.Scope(own))
		}
		return f.cloud.Behind(ctx, backendResource(cause))
	case event.BackendServiceChanged, event.LBRequestDeniedByIAP:
		return f.cloud.Behind(ctx, backendResource(cause))
	case event.RoutingChanged:
		if cause.Service != "" { // a domain mapping leads to one service
			return []posture.Target{own}, nil
		}
		return f.cloud.Behind(ctx, cause.Resource)
	case event.IAPPolicyChanged, event.IAPSettingsChanged:
		switch {
		case cause.Service != "":
			return []posture.Target{own}, nil
		case cause.BackendService != "":
			return f.cloud.Behind(ctx, backendResource(cause))
		}
		return f.inScopes(ctx, []posture.Scope{inheriting(cause)})
	case event.RunInstanceChanged:
		instance, err := posture.ParseTarget(cause.Resource)
		return []posture.Target{instance}, err
	case event.APIDisabled, event.ProjectIAMChanged, event.RoleChanged, event.AuthorizationChanged:
		// Each concerns every service of the project: an entry does not say which rules an
		// authorization policy had before.
		return f.inScopes(ctx, []posture.Scope{{Project: cause.Project}})
	case event.Alert:
		switch {
		case cause.Incident == nil || cause.Incident.State != "open":
		case cause.Service != "" && cause.Location != "":
			return []posture.Target{own}, nil
		case cause.BackendService != "":
			return f.cloud.Behind(ctx, backendResource(cause))
		}
	case event.CommandReceived:
		scopes, err := f.scopes(cause)
		if err != nil {
			return nil, err
		}
		return f.inScopes(ctx, scopes)
	}
	return nil, nil
}

// below lists the services of every project in a folder or an organization, whose
// policies, IAP settings and roles all of them inherit.
func (f *Function) below(ctx context.Context, container string) ([]posture.Target, error) {
	projects, err := f.cloud.Below(ctx, container)
	if err != nil && len(projects) == 0 {
		return nil, err
	}
	scopes := make([]posture.Scope, len(projects))
	for i, project := range projects {
		scopes[i].Project = project
	}
	targets, unlisted := f.inScopes(ctx, scopes)
	return targets, cmp.Or(err, unlisted)
}

// inheriting is where services inherit from a resource of IAP's that is neither a
// service nor a backend service: in a region those with IAP of their own, or in all of
// the project. An entry names a forwarding rule by its id, which lists do not lead to.
func inheriting(cause event.Cause) posture.Scope {
	scope := posture.Scope{Project: cause.Project}
	if strings.Contains(cause.Resource, "/iap_web/cloud_run-") {
		scope.Location = cause.Location
	}
	return scope
}

func backendResource(cause event.Cause) string {
	scope := posture.Global
	if cause.Location != "" && cause.Location != posture.Global {
		scope = "regions/" + cause.Location
	}
	return strings.Join([]string{"projects", cause.Project, scope, "backendServices", cause.BackendService}, "/")
}

// scopes is where a command looks. Without a target that is every project that the
// policy names in full, or else the function's own. Rules that choose projects by
// folder alone name none, and the function's own project would be the wrong one: the
// command has to say which.
func (f *Function) scopes(cause event.Cause) ([]posture.Scope, error) {
	if cause.Project != "" {
		scope := posture.Scope{Project: cause.Project, Location: cause.Location, Service: cause.Service}
		if cause.Command != nil {
			named, err := posture.ParseScope(cause.Command.Target)
			scope.Instance = err == nil && named.Instance
		}
		return []posture.Scope{scope}, nil
	}
	var scopes []posture.Scope
	for _, project := range f.policies.projects() {
		scopes = append(scopes, posture.Scope{Project: project})
	}
	if len(scopes) > 0 {
		return scopes, nil
	}
	if rules := f.policies.inForce().ByFolder(); len(rules) > 0 {
		return nil, &fault.Error{
			Kind: fault.Invalid,
			Remedy: "name the projects in full under match.projects of these rules, or send a command for each: " +
				`{"command": "sweep", "target": "projects/PROJECT"}`,
			Err: fmt.Errorf("a command without a target looks through the projects that the policy names in full, "+
				"and it names none: rules that ask for folders only: %s", strings.Join(rules, ", ")),
		}
	}
	// A service account's address ends in its project.
	_, domain, _ := strings.Cut(f.self.Account(), "@")
	project, isAccount := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	if isAccount && posture.ValidProject(project) {
		return []posture.Scope{{Project: project}}, nil
	}
	return nil, nil
}

// inScopes lists the services in scopes. What cannot be listed until a person acts, or
// lies in a place that could not be reached, is in the error, beside the services of the
// rest.
func (f *Function) inScopes(ctx context.Context, scopes []posture.Scope) ([]posture.Target, error) {
	var targets []posture.Target
	var unlisted error
	for _, scope := range scopes {
		found, err := f.cloud.Services(ctx, scope)
		if err != nil && len(found) == 0 && fault.ActionOf(err) != fault.Block {
			return nil, err
		}
		targets, unlisted = append(targets, found...), cmp.Or(unlisted, err)
	}
	return targets, unlisted
}
