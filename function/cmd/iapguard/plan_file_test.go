package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestAnEditedPlanFileWritesNothing(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	policy, kept := written(t, "policy.yaml", cloudtest.Policy()), filepath.Join(t.TempDir(), "plan.json")
	if out, err := say(t, "plan", "--policy", policy, "--endpoint", o.URL(), "-o", kept, hello.Name()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	before := len(o.Calls().Writes())
	for name, edit := range map[string]func(*report.Report){
		"a step taken out":       func(r *report.Report) { r.Steps = r.Steps[:len(r.Steps)-1] },
		"no step left":           func(r *report.Report) { r.Steps = nil },
		"another order":          func(r *report.Report) { r.Steps[0], r.Steps[1] = r.Steps[1], r.Steps[0] },
		"another resource":       func(r *report.Report) { r.Steps[1].Resource += "-2" },
		"another member":         func(r *report.Report) { r.Steps[2].To = "user:eve@example.com" },
		"another version":        func(r *report.Report) { r.Steps[1].VersionBefore += "x" },
		"another plan's planId":  func(r *report.Report) { r.PlanID = "0123456789abcdef" },
		"another service":        func(r *report.Report) { r.Target.Service = "billing" },
		"a step that is not due": func(r *report.Report) { r.Steps = append(r.Steps, r.Steps[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			var reviewed report.Report
			if err := json.Unmarshal(text, &reviewed); err != nil {
				t.Fatal(err)
			}
			edit(&reviewed)
			edited, err := json.Marshal(reviewed)
			if err != nil {
				t.Fatal(err)
			}
			_, err = say(t, "apply", "--yes", "--policy", policy, "--endpoint", o.URL(), written(t, "plan.json", string(edited)))
			want := "its steps are those of another plan"
			if name == "another member" {
				want = "the change of grant-access is not what its words say"
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one that says %q", err, want)
			}
			if after := len(o.Calls().Writes()); after != before {
				t.Errorf("%d writes, want none", after-before)
			}
		})
	}
	if out, err := say(t, "apply", "--yes", "--policy", policy, "--endpoint", o.URL(), kept); err != nil ||
		!strings.Contains(out, "PROTECTED") {
		t.Errorf("the plan as it was kept: %v\n%s", err, out)
	}
}
