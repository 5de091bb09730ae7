package policy

import (
	"fmt"
	"regexp"
)

// memberText is the grammar of the principals that may be named as accessors.
// allUsers and allAuthenticatedUsers are left out on purpose: they would make
// IAP an ornament. Source: iam/docs/principal-identifiers.
var memberText = regexp.MustCompile(`^((user|group|serviceAccount):[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|domain:[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|principal(Set)?://iam\.googleapis\.com/[A-Za-z0-9._~:/@%+=*-]+)$`)

func checkMember(member string) error {
	switch {
	case member == "allUsers", member == "allAuthenticatedUsers":
		return fmt.Errorf("access.members: %s would let everybody through IAP; name users, groups, service accounts or a domain", member)
	case len(member) > 512 || !memberText.MatchString(member):
		return fmt.Errorf("access.members: %.80q is no member: write user:ADDRESS, group:ADDRESS, serviceAccount:ADDRESS or domain:NAME", member)
	}
	return nil
}
