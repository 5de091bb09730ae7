package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

func TestInvokersAreListedWithTheirRestrictions(t *testing.T) {
	got := namedText("iam", []report.Named{{Member: "user:a@example.com"},
		{Member: "user:b@example.com", Conditional: true, Inherited: true}}, 2, true) + namedText("iap", nil, 0, true) + namedText("iap", nil, 0, false)
	want := "    iam lets in user:a@example.com\n" +
		"    iam lets in user:b@example.com, under a condition, by the project's policy\n" +
		"    iam lets in 2 more\n" +
		"    iam lets in at least these, and others may get in\n" +
		"    iap lets in nobody by name, and others may get in\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAuditListsWhoGetsInPastIAP(t *testing.T) {
	o := shops(t)
	text, _ := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL())
	if !strings.Contains(text, "iam lets in user:owner@example.com, by the project's policy\n") {
		t.Errorf("the audit does not name the owner:\n%s", text)
	}
	found, _ := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "--format", "json")
	for _, service := range parsed(t, found).Services {
		guarded := strings.HasSuffix(service.Service, "/a-quiet")
		if named := slices.Contains(service.Invokers,
			report.Named{Member: "user:owner@example.com", Inherited: true}); named != guarded {
			t.Errorf("%s: the owner is named: %t, want %t (among %+v)", service.Service, named, guarded, service.Invokers)
		}
	}
}
