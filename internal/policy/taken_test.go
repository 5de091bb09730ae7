package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestALooserNameWithoutItsPlaceIsToTake(t *testing.T) {
	const strict = "  - {name: all, mode: enforce, access: {members: [\"user:a@example.com\"]}}\n"
	loose := func(match string) string {
		return "  - {name: site, match: {" + match +
			"}, mode: enforce, access: {members: [\"user:a@example.com\"]}, ingress: keep}\n"
	}
	line := func(names, open, write string) string {
		return "rule site names " + names + " in full and not " + open + ", and is not as strict as rule all in " +
			"ingress: anyone who deploys a service of that name in another place gets rule site: write " + write +
			" into its match"
	}
	const projects, locations, both = "projects: [...]", "locations: [...]", "projects: [...] and locations: [...]"
	for _, tc := range []struct {
		name, rules, want string
	}{
		{"neither", loose("services: [www]") + strict, line("www", "projects and locations", both)},
		{"no project", loose("services: [www], locations: [us-central1]") + strict, line("www", "projects", projects)},
		{"no location", loose("services: [www], projects: [shop]") + strict, line("www", "locations", locations)},
		{"a glob of projects", loose(`services: [www], locations: [us-central1], projects: [shop, "web-*"]`) + strict,
			line("www", "projects", projects)},
		{"a folder holds more than one project",
			loose("services: [www], locations: [us-central1], folders: [folders/17]") + strict,
			line("www", "projects", projects)},
		{"four names", loose("services: [a, b, c, d]") + strict,
			line("a, b, c and 1 more", "projects and locations", both)},
		{"both are named", loose("services: [www], projects: [shop, web], locations: [us-central1]") + strict, ""},
		{"no name", loose("projects: [shop]") + strict, ""},
		{"every name",
			loose(`services: [www, "*"], projects: ["web-*"]`) + strict, ""},
		{"nothing else covers it", loose("services: [www]"), ""},
		{"the rule without it covers another name",
			loose("services: [www]") + strings.Replace(strict, "all,", "all, match: {services: [cart]},", 1), ""},
		{"the rule without it covers that place alone", loose("services: [www]") +
			strings.Replace(strict, "all,", "all, match: {projects: [shop], locations: [us-central1]},", 1), ""},
		{"the rule without it covers two projects", loose("services: [www]") +
			strings.Replace(strict, "all,", "all, match: {projects: [shop, web], locations: [us-central1]},", 1),
			line("www", "projects", projects)},
		{"as strict", strings.Replace(loose("services: [www]"), "keep", "restrict", 1) + strict, ""},
		{"without it nothing is done", loose("services: [www]") + "  - {name: none, recipe: \"off\"}\n", ""},
		{"a rule between is as loose", loose("services: [www]") +
			strings.Replace(loose("projects: [shop]"), "site", "some", 1) + strict,
			line("www", "projects and locations", both)},
		{"the rule that decides without it is as loose", loose("services: [www]") +
			strings.Replace(loose(`services: ["*"]`), "site", "rest", 1) + strict, ""},
	} {
		var lines []string
		parsed(t, tc.rules).NamesToTake(func(rule, why, remedy string) {
			lines = append(lines, why+": "+remedy)
			if rule != "site" {
				t.Errorf("%s: it is about rule %q", tc.name, rule)
			}
		})
		if diff := cmp.Diff(tc.want, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
