package loop

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// command publishes a command as a platform team does.
func command(t *testing.T, r *withfunction.Env, fields map[string]string) {
	t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	r.Publish(playground.CommandsTopic, string(data))
}

// answers lists the reports that carry a command's id.
func answers(r *withfunction.Env, id string) []report.Report {
	return slices.DeleteFunc(r.Reports(), func(one report.Report) bool {
		return one.Command == nil ||
			one.Command.ID != id
	})
}

// answered waits for the last answer to a command about hello.
func answered(t *testing.T, r *withfunction.Env, id string) report.Report {
	t.Helper()
	r.Until("command "+id+" is answered", func() bool {
		list := answers(r, id)
		return len(list) > 0 && list[len(list)-1].Outcome != report.Started
	})
	list := answers(r, id)
	return list[len(list)-1]
}

func TestCommandsDriveRemediationWithinTheMode(t *testing.T) {
	t.Parallel()
	hello := playground.Scenario[0]
	r := start(t, "mode: approve")
	r.Build(hello)
	r.Until("a plan was reported", func() bool { return r.LastOf("hello").Outcome == report.Planned })

	planned := func(id string, fields map[string]string) report.Report {
		fields["id"], fields["target"] = id, hello.Name()
		command(t, r, fields)
		answer := answered(t, r, id)
		if answer.Outcome != report.Planned || len(r.OwnWrites()) > 0 {
			t.Errorf("%v: outcome %s, writes %v, want planned and none", fields, answer.Outcome, r.OwnWrites())
		}
		return answer
	}
	plan := planned("plan", map[string]string{"command": "plan"})
	planned("audit", map[string]string{"command": "audit"})
	planned("apply without a plan", map[string]string{"command": "apply"})
	planned("apply with another plan", map[string]string{"command": "apply", "planId": "0123456789abcdef"})

	planned("apply with the plan", map[string]string{"command": "apply", "planId": plan.PlanID}) // nobody knows who sent it
}

func TestASweepReportsEveryServiceAndHealsWhatEventsMissed(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, service := range playground.Scenario {
		r.Build(service)
		r.Until(service.Service+" is protected", r.Safe(service.Service))
	}
	command(t, r, map[string]string{"command": "sweep", "id": "sweep"})
	r.Until("the sweep has reported both services", func() bool { return len(answers(r, "sweep")) == 2 })
	var subjects []string
	for _, answer := range answers(r, "sweep") {
		subjects = append(subjects, answer.Subject())
		if answer.Outcome != report.Compliant {
			t.Errorf("%s: %s, want compliant", answer.Subject(), answer.Outcome)
		}
	}
	slices.Sort(subjects)
	if want := []string{playground.Scenario[1].Name(), playground.Scenario[0].Name()}; !slices.Equal(subjects, want) {
		t.Errorf("the sweep reported %v, want %v", subjects, want)
	}
}
