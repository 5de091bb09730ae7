package posture

import (
	"path"
	"slices"
	"strings"
)

// Trust is who belongs to the organization, as the policy says. The zero value says
// nothing, and then nobody is foreign.
type Trust struct {
	Domains []string // of users and groups, in lower case
	Members []string // that are trusted all the same; "*" stands for any text but "/"
}

// Known reports whether the policy says who belongs to the organization.
func (t Trust) Known() bool { return len(t.Domains) > 0 }

// Foreign reports whether a member of a policy in a project is outside of the
// organization: of another domain, a service account of another project that is not
// Google's own, or an identity pool. Public members are not foreign: they are public.
func (t Trust) Foreign(member, project string) bool {
	if !t.Known() || t.trusts(member) {
		return false
	}
	kind, rest, _ := strings.Cut(member, ":")
	_, domain, _ := strings.Cut(strings.ToLower(rest), "@")
	switch kind {
	case "user", "group":
		return !slices.Contains(t.Domains, domain)
	case "domain":
		return !slices.Contains(t.Domains, strings.ToLower(rest))
	case "serviceAccount":
		return !ownAccount(rest, domain, project)
	case "principal", "principalSet":
		return true
	}
	return false
}

// Joinable reports whether outsiders can make themselves the member: a group of another
// domain, whose settings nobody here knows, and a whole identity pool. A part of a pool,
// which a group or an attribute selects, is what its owner makes of it.
func (t Trust) Joinable(member string) bool {
	if !t.Known() || t.trusts(member) {
		return false
	}
	kind, rest, _ := strings.Cut(member, ":")
	_, domain, _ := strings.Cut(strings.ToLower(rest), "@")
	switch kind {
	case "group":
		return !slices.Contains(t.Domains, domain)
	case "principalSet":
		return strings.HasSuffix(rest, "/*")
	}
	return false
}

func (t Trust) trusts(member string) bool {
	return slices.ContainsFunc(t.Members, func(pattern string) bool {
		if matched, err := path.Match(pattern, member); err == nil && matched {
			return true
		}
		return strings.EqualFold(pattern, member)
	})
}

// ownAccount reports whether a service account is of a project, or one of Google's
// service agents. Source: iam/docs/service-account-types.
func ownAccount(account, domain, project string) bool {
	switch {
	case domain == project+".iam.gserviceaccount.com", account == project+"@appspot.gserviceaccount.com":
		return true
	case strings.HasSuffix(domain, ".iam.gserviceaccount.com"):
		return strings.HasPrefix(domain, "gcp-sa-")
	}
	return domain != "appspot.gserviceaccount.com" && strings.HasSuffix(domain, "gserviceaccount.com")
}
