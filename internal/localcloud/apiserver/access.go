package apiserver

import (
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/condition"
)

// organization is the resource above the projects.
const organization = "organizations/" + OrganizationID

// Access is one question to IAM.
type Access struct {
	// Principal asks; "" is somebody who did not sign in.
	Principal Principal
	// Permission is what is asked for: "run.routes.invoke".
	Permission string
	// Resource is the resource's name, as its policy is kept under. What is
	// granted on a resource above it (the project, iap_web) counts too.
	Resource string
	// Path and Host are request.path and request.host, which only IAP offers
	// to conditions.
	Path, Host string
}

// Allowed answers from the policies that are in effect by now: a change takes
// as long as IAM's propagation does.
// Source of the rules: iam/docs/policies, iam/docs/resource-hierarchy-access-control.
func (s *Server) Allowed(asked Access) bool {
	now := s.Now()
	at := now.Add(-s.IAMPropagation())
	for _, resource := range s.above(asked.Resource) {
		if policy, ok := s.policies.history.At(resource, at); ok && s.allows(policy, asked, now) {
			return true
		}
	}
	return false
}

// above is a resource and all that its policy is inherited from.
func (s *Server) above(resource string) []string {
	var all []string
	for name := resource; strings.Count(name, "/") > 1; name = name[:strings.LastIndexByte(name, '/')] {
		all = append(all, name)
	}
	return append(all, s.Containers(resource)...)
}

// isContainer reports whether a resource is a project, a folder or an organization.
func isContainer(resource string) bool {
	kind, id, _ := strings.Cut(resource, "/")
	return slices.Contains([]string{"projects", "folders", "organizations"}, kind) && !strings.Contains(id, "/")
}

// Containers are the project, the folders and the organization that a resource is in,
// the nearest first; the resource itself where it is one of them.
func (s *Server) Containers(resource string) []string {
	container := s.ProjectOf(resource).Name()
	if kind, rest, _ := strings.Cut(resource, "/"); kind == "folders" || kind == "organizations" {
		id, _, _ := strings.Cut(rest, "/")
		container = kind + "/" + id
	}
	if s.parents == nil {
		return slices.Compact([]string{container, organization})
	}
	all := []string{container}
	for parent := s.parents(container); parent != "" && len(all) < maxDepth; parent = s.parents(parent) {
		all = append(all, parent)
	}
	return all
}

// maxDepth bounds how many containers a resource can be in.
const maxDepth = 20

func (s *Server) allows(policy map[string]any, asked Access, now time.Time) bool {
	return slices.ContainsFunc(List(policy, "bindings"), func(b any) bool {
		binding, _ := b.(map[string]any)
		return slices.ContainsFunc(List(binding, "members"), func(m any) bool { return isMember(asked.Principal, m) }) &&
			s.permits(Text(binding, "role"), asked.Permission) && holds(Object(binding, "condition"), asked, now)
	})
}

// holds reports whether the condition of a binding is satisfied; none always is.
func holds(conditional map[string]any, asked Access, now time.Time) bool {
	return conditional == nil || condition.Holds(Text(conditional, "expression"), condition.Attributes{
		Time: now, Path: asked.Path, Host: asked.Host, Resource: asked.Resource,
	})
}

// isMember reports whether a member of a policy stands for a principal. Nobody
// here belongs to a group.
func isMember(principal Principal, member any) bool {
	switch text, _ := member.(string); {
	case text == "allUsers":
		return true
	case principal == "":
		return false
	case text == "allAuthenticatedUsers": // nobody of another identity provider (iam/docs/principals-overview)
		return !strings.HasPrefix(string(principal), "principal")
	case strings.HasSuffix(text, "/*") && strings.HasPrefix(text, "principalSet://"): // a whole pool
		_, pool, _ := strings.Cut(strings.TrimSuffix(text, "*"), "://")
		_, in, _ := strings.Cut(string(principal), "://")
		return strings.HasPrefix(in, pool)
	case strings.HasPrefix(text, "domain:"):
		_, domain, _ := strings.Cut(principal.Email(), "@")
		if strings.EqualFold(domain, "googlemail.com") { // another spelling of the same accounts
			domain = "gmail.com"
		}
		return strings.HasPrefix(string(principal), "user:") && strings.EqualFold(domain, text[len("domain:"):])
	default:
		return strings.EqualFold(text, string(principal))
	}
}

// authorize checks what a call's route asks for, in the words of its API, and
// writes the answers into the call's log entry.
func (s *Server) authorize(c *Call) error {
	if c.Route.Permission == "" {
		return nil
	}
	var refused error
	var asked []Authorization
	for _, permission := range append([]string{c.Route.Permission}, c.Route.Also...) {
		granted := s.Allowed(Access{Principal: c.Caller, Permission: permission, Resource: c.Resource})
		if !granted && refused == nil {
			refused = permissionDenied(c, permission, c.Resource)
		}
		asked = append(asked, Authorization{permission, c.Resource, granted})
	}
	if refused != nil && c.Record != nil {
		c.Record.Authorization = asked
	}
	return refused
}

// ActAs refuses a caller who may not act as a service account. Creating or
// updating what runs as an account needs it on that account
// (run/docs/configuring/services/service-identity); the text, with its small
// letters, is reported by many.
func (c *Call) ActAs(account string) error {
	const permission = "iam.serviceAccounts.actAs"
	owner := c.Project
	if _, domain, _ := strings.Cut(account, "@"); domain != "" { // another project's accounts are its own
		if other, ok := c.server.Project(strings.TrimSuffix(domain, accountDomain)); ok {
			owner = other
		}
	}
	resource := owner.Name() + "/serviceAccounts/" + account
	if c.server.Allowed(Access{Principal: c.Caller, Permission: permission, Resource: resource}) {
		return nil
	}
	if c.Record != nil {
		c.Record.Authorization = append(c.Record.Authorization, Authorization{permission, resource, false})
	}
	return Denied("Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", account)
}

// TestIamPermissions answers which of the permissions asked for the caller has.
func (c *Call) TestIamPermissions(resource string) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	var has []any
	for _, each := range List(body, "permissions") {
		permission, ok := each.(string)
		if !ok || strings.Contains(permission, "*") {
			return nil, Invalid("Invalid permission: %v.", each)
		}
		if c.server.Allowed(Access{Principal: c.Caller, Permission: permission, Resource: resource}) {
			has = append(has, permission)
		}
	}
	if has == nil {
		return map[string]any{}, nil
	}
	return map[string]any{"permissions": has}, nil
}
