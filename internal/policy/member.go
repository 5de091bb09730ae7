package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// memberText is the grammar of the principals that may be accessors. It leaves out
// allUsers and allAuthenticatedUsers, which would let strangers through IAP.
// Source: iam/docs/principal-identifiers.
var memberText = regexp.MustCompile(
	`^((user|group|serviceAccount):[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|domain:[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|principal(Set)?://iam\.googleapis\.com/[A-Za-z0-9._~:/@%+=*-]+)$`)

var domainText = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// memberProblem returns why a member is refused, or "". A domain: member needs its
// domain in domains. Where domains has entries, users and groups need theirs too.
func memberProblem(member string, domains []string) string {
	switch {
	case member == "allUsers", member == "allAuthenticatedUsers":
		return member + " would let everybody through IAP; name users, groups, service accounts or a domain"
	case len(member) > maxWords || !memberText.MatchString(member):
		return fmt.Sprintf("%.80q is not a member: write user:ADDRESS, group:ADDRESS, serviceAccount:ADDRESS or domain:NAME",
			member)
	}
	kind, rest, _ := strings.Cut(member, ":")
	domain := strings.ToLower(rest[strings.LastIndex(rest, "@")+1:])
	listed := slices.Contains(domains, domain)
	switch {
	case kind == "domain" && !listed:
		return fmt.Sprintf("%s lets in everybody of that domain: list %s under access.domains if that is meant", member,
			domain)
	case (kind == "user" || kind == "group") && len(domains) > 0 && !listed:
		return fmt.Sprintf("%s is of a domain that access.domains does not list: list %s, or take the member out", member,
			domain)
	}
	return ""
}

// trustText is the grammar of trusted members: principals, in which "*" stands for any
// text.
var trustText = regexp.MustCompile(
	`^((user|group|serviceAccount):[A-Za-z0-9._%+'*-]+@[A-Za-z0-9*-]+(\.[A-Za-z0-9*-]+)+|domain:[a-z0-9-]+(\.[a-z0-9-]+)+|principal(Set)?://iam\.googleapis\.com/[A-Za-z0-9._~:/@%+=*-]+)$`)

// trustProblem returns why a trusted member is refused, or "".
func trustProblem(member string) string {
	if len(member) > maxWords || !trustText.MatchString(member) {
		return fmt.Sprintf("%.80q is not a member: write user:ADDRESS, group:ADDRESS, serviceAccount:ADDRESS, domain:NAME or "+
			"principalSet://iam.googleapis.com/…", member)
	}
	return ""
}
