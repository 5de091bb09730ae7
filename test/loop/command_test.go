package loop

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// command publishes a command as a platform team does.
func (r *running) command(fields map[string]string) {
	r.t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.Broker.Publish(r.t.Context(), delivery.Message{Topic: stage.CommandsTopic, Data: data}); err != nil {
		r.t.Fatal(err)
	}
}

// answers lists the reports that carry a command's id.
func (r *running) answers(id string) []report.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []report.Report
	for _, one := range r.reports {
		if one.Command != nil && one.Command.ID == id {
			list = append(list, one)
		}
	}
	return list
}

// answered waits for the last answer to a command about hello.
func (r *running) answered(id string) report.Report {
	r.t.Helper()
	r.until("command "+id+" is answered", func() bool {
		list := r.answers(id)
		return len(list) > 0 && list[len(list)-1].Outcome != report.Started
	})
	list := r.answers(id)
	return list[len(list)-1]
}

func TestCommandsDriveRemediationWithinTheMode(t *testing.T) {
	hello := stage.Scenario[0]
	r := start(t, "", strings.Replace(enforcing, "mode: enforce", "mode: approve", 1))
	r.deploy(hello)
	r.until("a plan was reported", func() bool { return r.last("hello").Outcome == report.Planned })

	planned := func(id string, fields map[string]string) report.Report {
		fields["id"], fields["target"] = id, hello.Name()
		r.command(fields)
		answer := r.answered(id)
		if answer.Outcome != report.Planned || len(r.ownWrites()) > 0 {
			t.Errorf("%v: outcome %s, writes %v, want planned and none", fields, answer.Outcome, r.ownWrites())
		}
		return answer
	}
	plan := planned("plan", map[string]string{"command": "plan"})
	planned("audit", map[string]string{"command": "audit"})
	planned("apply without a plan", map[string]string{"command": "apply"})
	planned("apply with another plan", map[string]string{"command": "apply", "planId": "0123456789abcdef"})

	r.command(map[string]string{"command": "apply", "target": hello.Name(), "planId": plan.PlanID, "id": "approved"})
	if answer := r.answered("approved"); answer.Outcome != report.Protected || answer.Command.PlanID != plan.PlanID {
		t.Errorf("apply with the approved plan: %s of plan %s, want protected", answer.Outcome, answer.Command.PlanID)
	}
	r.command(map[string]string{"command": "plan", "target": hello.Name(), "id": "after"})
	if answer := r.answered("after"); answer.Outcome != report.Compliant {
		t.Errorf("plan after it: %s, want compliant", answer.Outcome)
	}
}

func TestASweepReportsEveryServiceAndHealsWhatEventsMissed(t *testing.T) {
	r := start(t, "", enforcing)
	for _, service := range stage.Scenario {
		r.deploy(service)
		r.until(service.Service+" is protected", r.settled(service.Service))
	}
	r.command(map[string]string{"command": "sweep", "id": "sweep"})
	r.until("the sweep has reported both services", func() bool { return len(r.answers("sweep")) == 2 })
	var subjects []string
	for _, answer := range r.answers("sweep") {
		subjects = append(subjects, answer.Subject())
		if answer.Outcome != report.Compliant {
			t.Errorf("%s: %s, want compliant", answer.Subject(), answer.Outcome)
		}
	}
	slices.Sort(subjects)
	if want := []string{stage.Scenario[1].Name(), stage.Scenario[0].Name()}; !slices.Equal(subjects, want) {
		t.Errorf("the sweep reported %v, want %v", subjects, want)
	}
}
