package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// memberText is the grammar of the principals that may be named as accessors.
// allUsers and allAuthenticatedUsers are left out on purpose: they would make
// IAP an ornament. Source: iam/docs/principal-identifiers.
var memberText = regexp.MustCompile(`^((user|group|serviceAccount):[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|domain:[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|principal(Set)?://iam\.googleapis\.com/[A-Za-z0-9._~:/@%+=*-]+)$`)

var domainText = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// memberProblem says why a member may not be named, "" when it may. A whole
// domain must be among the listed domains. Where domains are listed, so must be
// those of users and groups.
func memberProblem(member string, domains []string) string {
	switch {
	case member == "allUsers", member == "allAuthenticatedUsers":
		return member + " would let everybody through IAP; name users, groups, service accounts or a domain"
	case len(member) > maxWords || !memberText.MatchString(member):
		return fmt.Sprintf("%.80q is no member: write user:ADDRESS, group:ADDRESS, serviceAccount:ADDRESS or domain:NAME", member)
	}
	kind, rest, _ := strings.Cut(member, ":")
	domain := strings.ToLower(rest[strings.LastIndex(rest, "@")+1:])
	listed := slices.Contains(domains, domain)
	switch {
	case kind == "domain" && !listed:
		return fmt.Sprintf("%s lets in everybody of that domain: list %s under access.domains if that is meant", member, domain)
	case (kind == "user" || kind == "group") && len(domains) > 0 && !listed:
		return fmt.Sprintf("%s is of a domain that access.domains does not list: list %s, or take the member out", member, domain)
	}
	return ""
}
