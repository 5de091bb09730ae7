package decide

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
	writers := Writers{"folders/1": "deputy@demo-project.iam.gserviceaccount.com", "folders/3": other, "folders/4": us}
	for _, tc := range []struct {
		name    string
		writers Writers
		consent bool
		above   posture.Ancestors
		want    Writer
	}{
		{"nobody else is named", nil, false, known("folders/1"), Writer{}},
		{"nobody writes", Writers{}, false, known("folders/1"), Writer{None: true}},
		{"nobody writes, and the folders are not known", Writers{}, false, posture.Ancestors{Unread: "no"},
			Writer{None: true}},
		{"the project's folder", writers, false, known("folders/1", "folders/3"),
			Writer{Account: "deputy@demo-project.iam.gserviceaccount.com"}},
		{"a folder further up", writers, false, known("folders/2", "folders/3", "folders/1"), Writer{Account: other}},
		{"no folder", writers, false, known(), Writer{None: true}},
		{"none of the folders", writers, false, known("folders/2"), Writer{None: true}},
		{"our own account is named", writers, false, known("folders/4"), Writer{}},
		{"the folders are not known", writers, false, posture.Ancestors{Unread: "no"}, Writer{Unknown: "no"}},
		{"a person writes", writers, true, known("folders/2"), Writer{}},
		{"a person writes, and the folders are not known", writers, true, posture.Ancestors{Unread: "no"}, Writer{}},
	} {
		facts := Facts{Posture: posture.Posture{Ancestors: tc.above}, Self: ourselves(us), Writers: tc.writers}
		d := &decider{facts: facts, request: Request{Consent: tc.consent}}
		if got := d.writerOf(); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	if diff := cmp.Diff([]string{"deputy@demo-project.iam.gserviceaccount.com", us, other},
		writers.Accounts()); diff != "" {
		t.Errorf("all of them (-want +got):\n%s", diff)
	}
}

func TestMissingWriterIsReportedWhereAStepIsDue(t *testing.T) {
	steps := plan.Plan{Steps: []plan.Step{{Change: plan.EnableIAP{}}}}
	for _, tc := range []struct {
		name   string
		mode   policy.Mode
		plan   plan.Plan
		writer Writer
		want   protection.Code
	}{
		{"nobody writes", policy.Enforce, steps, Writer{None: true}, protection.NoWriter},
		{"it is not known", policy.Enforce, steps, Writer{Unknown: "no"}, protection.WriterUnknown},
		{"somebody writes", policy.Enforce, steps, Writer{Account: "deputy@demo-project.iam.gserviceaccount.com"}, ""},
		{"there is nothing to write", policy.Enforce, plan.Plan{}, Writer{None: true}, ""},
		{"nothing is to be written", policy.ReportOnly, steps, Writer{Unknown: "no"}, ""},
	} {
		var got protection.Code
		for _, finding := range (&decider{settings: policy.Settings{Mode: tc.mode}, plan: tc.plan,
			writer: tc.writer}).unwritten() {
			got += finding.Code
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
