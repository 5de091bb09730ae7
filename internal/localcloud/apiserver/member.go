package apiserver

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	roleName   = regexp.MustCompile(`^(roles/[A-Za-z0-9_.]+|(projects|organizations)/[A-Za-z0-9.:_-]+/roles/[A-Za-z0-9_.]+)$`)
	emailName  = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9.:-]+\.[A-Za-z]{2,}$`)
	domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$`)
)

func validEmail(s string) bool { return len(s) <= 254 && emailName.MatchString(s) }

// checkBindings validates the bindings of a policy that is to be written and
// returns them as they will be kept: in the order given, bindings without
// members dropped, equal bindings and members merged, addresses in small letters. Real APIs
// have been seen to normalise; that they merge, and in which order, is unverified.
func (s *Server) checkBindings(sent []any) (kept []any, conditional bool, err error) {
	seen := map[string]map[string]any{}
	for i, b := range sent {
		binding, ok := b.(map[string]any)
		if !ok {
			return nil, false, Invalid("Invalid value for field 'policy.bindings': each binding must be an object.")
		}
		if err := checkBindingFields(binding, fmt.Sprintf("policy.bindings[%d]", i)); err != nil {
			return nil, false, err
		}
		members, err := s.checkBinding(binding)
		if err != nil {
			return nil, false, err
		}
		if len(members) == 0 {
			continue
		}
		condition, _ := json.Marshal(binding["condition"])
		key := Text(binding, "role") + "\n" + string(condition)
		into := seen[key]
		if into == nil {
			into = Clone(binding)
			into["members"] = []any{}
			seen[key] = into
			kept = append(kept, into)
		}
		into["members"] = mergeMembers(List(into, "members"), members)
		conditional = conditional || binding["condition"] != nil
	}
	return kept, conditional, nil
}

func checkBindingFields(binding map[string]any, at string) error {
	if err := CheckFields(binding, at, "role members condition bindingId"); err != nil {
		return err
	}
	return CheckFields(Object(binding, "condition"), at+".condition", "expression title description location")
}

func (s *Server) checkBinding(binding map[string]any) ([]any, error) {
	role := Text(binding, "role")
	if !roleName.MatchString(role) {
		return nil, Invalid("Role name must be in the format \"roles/{role}\", \"organizations/{organization_id}/roles/{role}\", or \"projects/{project_id}/roles/{role}\".")
	}
	// A custom role is granted only in the project or organization that has it
	// (iam/docs/roles-overview, custom roles).
	if _, there := s.CustomRole(role); !there && !strings.HasPrefix(role, "roles/") {
		return nil, Invalid("Role (%s) does not exist in the resource's hierarchy.", role)
	}
	members := slices.Clone(List(binding, "members"))
	for i, m := range members {
		member, ok := m.(string)
		if !ok {
			return nil, Invalid("Invalid value for field 'policy.bindings.members': each member must be a string.")
		}
		if err := s.checkMember(member); err != nil {
			return nil, err
		}
		if binding["condition"] != nil && everybody(member) {
			return nil, Invalid("Conditions are not supported for member %s.", member)
		}
		members[i] = normalMember(member)
	}
	return members, nil
}

// normalMember is a member as policies keep it. Source: the Google provider for Terraform,
// which compares members so (NormalizeIamPrincipalCasing).
func normalMember(member string) string {
	kind, id, _ := strings.Cut(member, ":")
	switch kind {
	case "user", "group", "serviceAccount", "domain":
		return kind + ":" + strings.ToLower(id)
	}
	return member
}

// checkMember refuses what is not a member, and a service account or agent that
// does not exist. People and groups are taken as existing: there is no
// directory here.
func (s *Server) checkMember(member string) error {
	if everybody(member) {
		return nil
	}
	kind, id, _ := strings.Cut(member, ":")
	valid := false
	switch kind {
	case "user", "group":
		valid = validEmail(id)
	case "serviceAccount":
		if valid = validEmail(id); valid && !s.accountExists(id) {
			return Invalid("Service account %s does not exist.", id)
		}
	case "domain":
		valid = domainName.MatchString(id)
	case "deleted":
		valid = strings.Contains(id, ":") && strings.Contains(id, "?uid=")
	case "principal", "principalSet":
		valid = strings.HasPrefix(id, "//") && len(id) > len("//")
	case "projectOwner", "projectEditor", "projectViewer":
		valid = id != ""
	}
	if !valid {
		return Invalid("Invalid member: %q. Members must be of the form user:{email}, serviceAccount:{email}, group:{email}, domain:{domain}, "+
			"principal://…, principalSet://…, allUsers or allAuthenticatedUsers.", member)
	}
	return nil
}

// everybody reports whether a member stands for anybody.
func everybody(member string) bool { return member == "allUsers" || member == "allAuthenticatedUsers" }

// public reports whether a binding has such a member.
func public(binding any) bool {
	object, _ := binding.(map[string]any)
	return slices.ContainsFunc(List(object, "members"), func(member any) bool {
		text, _ := member.(string)
		return everybody(text)
	})
}

func mergeMembers(into, more []any) []any {
	for _, member := range more {
		found := false
		for _, have := range into {
			found = found || have == member
		}
		if !found {
			into = append(into, member)
		}
	}
	return into
}
