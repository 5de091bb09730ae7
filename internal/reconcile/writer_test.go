package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

func TestTheNearestFolderSaysWhoWrites(t *testing.T) {
	const other = "other@demo-project.iam.gserviceaccount.com"
	known := func(folders ...string) posture.Ancestors { return posture.Ancestors{Known: true, Folders: folders} }
	writers := Writers{"folders/1": deputy, "folders/3": other, "folders/4": us}
	for _, tc := range []struct {
		name    string
		writers Writers
		consent bool
		above   posture.Ancestors
		want    writer
	}{
		{"nobody else is named", nil, false, known("folders/1"), writer{}},
		{"nobody writes", Writers{}, false, known("folders/1"), writer{none: true}},
		{"nobody writes, and the folders are not known", Writers{}, false, posture.Ancestors{Unread: "no"}, writer{none: true}},
		{"the project's folder", writers, false, known("folders/1", "folders/3"), writer{account: deputy}},
		{"a folder further up", writers, false, known("folders/2", "folders/3", "folders/1"), writer{account: other}},
		{"no folder", writers, false, known(), writer{none: true}},
		{"none of the folders", writers, false, known("folders/2"), writer{none: true}},
		{"our own account is named", writers, false, known("folders/4"), writer{}},
		{"the folders are not known", writers, false, posture.Ancestors{Unread: "no"}, writer{unknown: "no"}},
		{"a person writes", writers, true, known("folders/2"), writer{}},
		{"a person writes, and the folders are not known", writers, true, posture.Ancestors{Unread: "no"}, writer{}},
	} {
		r := &run{Engine: &Engine{Self: ourselves(us), Writers: tc.writers}, request: Request{Consent: tc.consent}}
		if got := r.writerOf(posture.Posture{Ancestors: tc.above}); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	if diff := cmp.Diff([]string{us, other, deputy}, writers.Accounts()); diff != "" {
		t.Errorf("all of them (-want +got):\n%s", diff)
	}
}

func TestThatNobodyWritesIsToldWhereSomethingIsToBeWritten(t *testing.T) {
	steps := plan.Plan{Steps: []plan.Step{{Op: plan.EnableIAP}}}
	for _, tc := range []struct {
		name   string
		mode   policy.Mode
		plan   plan.Plan
		writer writer
		want   protection.Code
	}{
		{"nobody writes", policy.Enforce, steps, writer{none: true}, protection.NoWriter},
		{"nobody can tell", policy.Enforce, steps, writer{unknown: "no"}, protection.WriterUnknown},
		{"somebody writes", policy.Enforce, steps, writer{account: deputy}, ""},
		{"there is nothing to write", policy.Enforce, plan.Plan{}, writer{none: true}, ""},
		{"nothing is to be written", policy.ReportOnly, steps, writer{unknown: "no"}, ""},
	} {
		r := &run{Engine: &Engine{}}
		var got protection.Code
		for _, finding := range r.unwritten(view{settings: policy.Settings{Mode: tc.mode}, plan: tc.plan, writer: tc.writer}) {
			got += finding.Code
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
