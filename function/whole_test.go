package function

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// approvers are the rule's approvers in these tests: the operator is one of them.
const approvers = "approvers: [\"serviceAccount:" + approver + "\", \"serviceAccount:" + operator + "\"]"

// leftPrivate is a function whose rule leaves hello, which is private, and the plan of the whole
// recipe that an operator asked for there.
func leftPrivate(t *testing.T, rule ...string) (b *bench, planID string) {
	t.Helper()
	b = checkedBench(t, cloudtest.Policy(append(rule, "private: leave", approvers)...), "IAPGUARD_MEMORY="+playground.MemoryBucket)
	if err := b.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": []any{}}})
	b.Later(time.Hour)
	code, answer := b.order(t, operator, `{"command":"plan","wholeRecipe":true,"target":"`+hello.Name()+`"}`)
	if code != http.StatusOK {
		t.Fatalf("plan: %d %+v", code, answer)
	}
	return b, b.lastOn(hello.Name()).PlanID
}

func TestNeitherRecordsNorWorkAloneTakeTheWholeRecipe(t *testing.T) {
	b, planID := leftPrivate(t, "mode: enforce")
	command := event.Cause{Kind: event.CommandReceived, Key: "command/forged", EventID: "forged",
		Command: &event.Command{Name: "approve", PlanID: planID, ID: "direct-forged", WholeRecipe: true}}
	if err := b.dispatch(t.Context(), command, []posture.Target{hello}); err != nil { // work, and no approval
		t.Fatal(err)
	}
	offer, err := b.memory.Offer(t.Context(), planID)
	if err != nil || !offer.Whole {
		t.Fatalf("offer %+v, %v", offer, err)
	}
	forged := memory.Approval{PlanID: planID, Steps: offer.Steps, Whole: true, LetsIn: offer.LetsIn, By: approver, At: b.Now(),
		Expires: b.Now().Add(time.Hour)}
	if _, err := b.memory.UpdateService(t.Context(), memory.ServiceID{Target: hello, UID: offer.UID},
		func(s *memory.Service) bool { return s.Approve(forged) }); err != nil {
		t.Fatal(err)
	}
	item, err := newItem(event.Work{Cause: command, Target: hello, GiveUpAt: b.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.worker.Repeat(t.Context(), item, b.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	b.Later(time.Minute)
	if err := b.due(t.Context()); err != nil { // both are in the memory
		t.Fatal(err)
	}
	if err := b.deliver(t, "event", event.RunServiceChanged); err != nil {
		t.Fatal(err)
	}
	for _, write := range b.Calls().Own().Writes() {
		if write.API != "storage" { // the memory is there
			t.Fatalf("written: %v", write)
		}
	}
	if code, answer := b.order(t, operator, `{"command":"approve","planId":"`+planID+`"}`); code != http.StatusForbidden ||
		!strings.Contains(answer.Error, "somebody else") {
		t.Errorf("who asked for it: %d %+v", code, answer)
	}
	code, answer := b.order(t, approver, `{"command":"approve","planId":"`+planID+`"}`)
	if final := b.lastOn(hello.Name()); code != http.StatusOK || final.Outcome != report.Protected || final.ApprovedBy != approver {
		t.Errorf("an approver: %d %+v, %s approved by %q", code, answer, final.Outcome, final.ApprovedBy)
	}
}

func TestTheWholeRecipeWaitsWithItsSenderAndGoesOn(t *testing.T) {
	b, planID := leftPrivate(t, "mode: approve", "propagation: 3m")
	approve := `{"command":"approve","planId":"` + planID + `"}`
	code, answer := b.order(t, approver, approve)
	if code != http.StatusServiceUnavailable || !strings.Contains(answer.Error, "once more") {
		t.Errorf("while a grant is too new: %d %+v", code, answer)
	}
	if left, err := b.records.Due(t.Context(), b.Now().Add(time.Hour)); err != nil || len(left) > 0 {
		t.Errorf("due records %v, %v; want none", left, err)
	}
	b.Later(4 * time.Minute)
	if code, answer = b.order(t, approver, approve); code != http.StatusOK {
		t.Errorf("after that: %d %+v", code, answer)
	}
	if final := b.lastOn(hello.Name()); final.Outcome != report.Protected {
		t.Errorf("%s, want protected", final.Outcome)
	}
	if code, answer = b.order(t, approver, approve); code != http.StatusConflict {
		t.Errorf("once it is done: %d %+v", code, answer)
	}
}

func TestThePlanOfTheWholeRecipeIsForOperatorsAlone(t *testing.T) {
	b, _ := leftPrivate(t, "mode: approve")
	for _, tc := range []struct {
		name, by, body string
		want           int
	}{
		{"an approver", approver, `{"command":"plan","wholeRecipe":true,"target":"` + hello.Name() + `"}`, http.StatusForbidden},
		{"of a project", operator, `{"command":"plan","wholeRecipe":true,"target":"projects/demo-project"}`, http.StatusBadRequest},
		{"with another command", operator, `{"command":"apply","wholeRecipe":true,"target":"` + hello.Name() + `"}`,
			http.StatusBadRequest},
		{"of no service", operator, `{"command":"plan","wholeRecipe":true,"target":"` + hello.Name() + `x"}`, http.StatusNotFound},
	} {
		if code, answer := b.order(t, tc.by, tc.body); code != tc.want {
			t.Errorf("%s: %d %+v, want %d", tc.name, code, answer, tc.want)
		}
	}
	if got := b.send(CommandsPath, b.token(t, pusher, nil), `{"command":"plan","wholeRecipe":true,"target":"`+hello.Name()+`"}`); got.Code !=
		http.StatusNoContent || b.reports.outcomes()[len(b.reports.outcomes())-1] != report.Rejected {
		t.Errorf("over Pub/Sub: %d, outcomes %v; want it rejected", got.Code, b.reports.outcomes())
	}
}

func TestALookThatWritesNothingEndsNoApprovedRun(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("mode: approve", "propagation: 3m", approvers))
	b.Later(time.Hour)
	plan := `{"command":"plan","target":"` + hello.Name() + `"}`
	if code, answer := b.order(t, operator, plan); code != http.StatusOK {
		t.Fatalf("plan: %d %+v", code, answer)
	}
	b.order(t, approver, `{"command":"approve","planId":"`+b.lastOn(hello.Name()).PlanID+`"}`) // it waits for a grant
	if got := b.lastOn(hello.Name()).Outcome; got != report.Deferred {
		t.Fatalf("%s, want deferred", got)
	}
	if code, answer := b.order(t, operator, plan); code != http.StatusOK {
		t.Fatalf("plan meanwhile: %d %+v", code, answer)
	}
	b.Later(4 * time.Minute)
	if err := b.deliver(t, "event", event.RunServiceChanged); err != nil {
		t.Fatal(err)
	}
	if final := b.lastOn(hello.Name()); final.Outcome != report.Protected || final.ApprovedBy != approver {
		t.Errorf("%s, approved by %q; want protected by the approval", final.Outcome, final.ApprovedBy)
	}
}
