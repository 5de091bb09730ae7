package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheMemoryAloneWidensAndLoosensNothing(t *testing.T) {
	const alice, eve = `"user:alice@example.com"`, `"user:eve@example.com"`
	rule := func(keys string) string { return "  - {name: shops, " + keys + "}\n" }
	exempt := func(day string) string {
		return "exemptions: [{services: [" + hello.Name() + "], reason: r, owner: o, ticket: t, expires: " + day + "}]\n"
	}
	type seen struct {
		Mode, Again     Mode
		Access          []string
		KeepIngress     bool
		Exempt, InScope bool
		Private         Private
	}
	for _, tc := range []struct {
		name, kept, file string // "" = no file can be read
		want             seen
	}{
		{"another accessor", rule("mode: enforce, access: {members: [" + alice + ", " + eve + "]}"),
			rule("mode: enforce, access: {members: [" + alice + "]}"),
			seen{Mode: Enforce, Access: []string{"user:alice@example.com"}, InScope: true, Private: PrivateLeave}},
		{"a later accessor of the file", rule("mode: enforce, access: {members: [" + alice + "]}"),
			rule("mode: enforce, access: {members: [" + alice + ", " + eve + "]}"),
			seen{Mode: Enforce, Access: []string{"user:alice@example.com"}, InScope: true, Private: PrivateLeave}},
		{"it is stricter", rule("mode: enforce"), rule("mode: report-only, ingress: keep"),
			seen{Mode: ReportOnly, Again: Enforce, InScope: true, Private: PrivateLeave}},
		{"it is looser", rule("mode: report-only, ingress: keep") + exempt("2026-12-31"), rule("mode: enforce"),
			seen{Mode: Enforce, InScope: true, Private: PrivateLeave}},
		{"it leaves the service alone", rule("match: {projects: [other]}"),
			rule("mode: enforce, access: {members: [" + alice + "]}"),
			seen{Mode: Enforce, Access: []string{"user:alice@example.com"}, InScope: true, Private: PrivateLeave}},
		{"the file leaves it alone", rule("mode: enforce, access: {members: [" + alice + "]}"),
			rule("match: {projects: [other]}"),
			seen{Mode: ReportOnly, Again: Enforce, InScope: true, Private: PrivateLeave}},
		{"no file", rule("mode: enforce, ingress: keep, private: include, access: {members: ["+alice+"]}") +
			exempt("2026-12-31"), "",
			seen{Mode: ReportOnly, Again: Enforce, KeepIngress: true, Exempt: true, InScope: true, Private: PrivateLeave}},
		{"both exempt it", rule("mode: enforce") + exempt("2026-12-31"), rule("mode: enforce") + exempt("2027-01-31"),
			seen{Mode: Enforce, Exempt: true, InScope: true, Private: PrivateLeave}},
		{"other conditions", rule("access: {members: [" + alice + "], condition: {title: a, expression: a}}"),
			rule("access: {members: [" + alice + "], condition: {title: b, expression: b}}"),
			seen{Mode: ReportOnly, InScope: true, Private: PrivateLeave}},
	} {
		var file *Policy
		if tc.file != "" {
			read := parsed(t, tc.file)
			file = &read
		}
		s, inScope := parsed(t, tc.kept).Within(file).For(Subject{Target: hello})
		got := seen{s.Mode, s.ModeAgain, s.Access, s.KeepIngress, s.ExemptAt(now), inScope, s.Private}
		if len(got.Access) == 0 {
			got.Access = nil
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
