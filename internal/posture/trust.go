package posture

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Trust is who belongs to the organization, as the policy says. The zero value says
// nothing, and then nobody is foreign.
type Trust struct {
	Domains []string // of users and groups, in lower case
	Members []string // that are trusted all the same; "*" stands for any text but "/"
	// Projects are ids or numbers of the organization's projects, as far as the policy names
	// them; their service accounts belong to it.
	Projects []string
}

// Known reports whether the policy says who belongs to the organization.
func (t Trust) Known() bool { return len(t.Domains) > 0 }

// Foreign reports whether a member of a policy in a project is outside of the
// organization: of another domain, a service account that belongs to none of the
// organization's projects and is not one that Google keeps for all, or an identity pool.
// The project is given by its id and its number. Public members are not foreign: they are
// public.
func (t Trust) Foreign(member, project, number string) bool {
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
		of, known := projectOfAccount(strings.ToLower(rest))
		return known && of != project && of != number && !slices.Contains(t.Projects, of)
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

// numbered is the account of a project's number: the default account of Compute Engine, the
// agents of Google's products, and those of Google's APIs and of Cloud Build.
var numbered = regexp.MustCompile(`^(?:service-|p)?([0-9]+)(?:-compute|-[0-9]+)?$`)

// projectOfAccount is the id or the number of the project that a service account belongs
// to; known is false for accounts that Google keeps for all projects. Of an account whose
// name has neither it is "", which no project has.
// Source: iam/docs/service-account-types, iam/docs/service-agents.
func projectOfAccount(account string) (project string, known bool) {
	name, domain, _ := strings.Cut(account, "@")
	own, made := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	switch number := numbered.FindStringSubmatch(name); {
	case number != nil && strings.HasSuffix(domain, "gserviceaccount.com"):
		return number[1], true
	case made && !strings.HasPrefix(own, "gcp-sa-"):
		if id, of, scoped := strings.Cut(own, "."); scoped { // a project in a domain: ID.example.com
			return of + ":" + id, true
		}
		return own, true
	case domain == "appspot.gserviceaccount.com":
		return name, true
	case domain == "system.gserviceaccount.com":
		return "", false
	}
	return "", true
}
