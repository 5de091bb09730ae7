package posture

import (
	"slices"
	"strings"
)

// NormalMember is a member as IAM keeps it: addresses and domains in small letters, the
// rest as it is. Source: the Google provider for Terraform, which compares members so
// (NormalizeIamPrincipalCasing).
func NormalMember(member string) string {
	kind, rest, _ := strings.Cut(member, ":")
	switch kind {
	case "user", "group", "serviceAccount", "domain":
		return kind + ":" + strings.ToLower(rest)
	}
	return member
}

// SameMember reports whether two members are the same people. An account of gmail.com has
// the address at googlemail.com too; which of them IAM keeps is unverified.
func SameMember(a, b string) bool { return sameAccount(a) == sameAccount(b) }

func sameAccount(member string) string {
	member = NormalMember(member)
	for _, before := range []string{"@", "domain:"} {
		if text, ok := strings.CutSuffix(member, before+"googlemail.com"); ok {
			return text + before + "gmail.com"
		}
	}
	return member
}

// Includes reports whether a member is among others.
func Includes(members []string, member string) bool {
	return slices.ContainsFunc(members, func(one string) bool { return SameMember(one, member) })
}
