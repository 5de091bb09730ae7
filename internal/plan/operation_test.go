package plan

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// samples is one step of each operation, as it is taken on a service that is
// protected afterwards.
func samples(p posture.Posture) map[Op]Step {
	backend := p.Backends[0]
	steps := []Step{
		{Change: EnableAPI{IAPAPI}, Resource: "projects/demo-project/services/iap.googleapis.com"},
		{Change: ProvisionAgent{p.Agent()}, Resource: "projects/demo-project/services/iap.googleapis.com"},
		{Change: GrantInvoker{posture.RoleInvoker, p.Agent()}, Resource: p.Target.Name()},
		{Change: GrantAccess{posture.RoleAccessor, []string{posturetest.Alice}, Condition{}},
			Resource: backend.AccessResource(p.ProjectNumber)},
		{Change: RevokeAccess{posture.RoleAccessor, []string{"allUsers"}}, Resource: backend.AccessResource(p.ProjectNumber)},
		{Change: WithdrawAccess{posture.RoleAccessor, []string{posturetest.Alice}, Condition{"t", "e", ""}},
			Resource: backend.AccessResource(p.ProjectNumber)},
		{Change: WithdrawInvoker{posture.RoleInvoker, p.Agent()}, Resource: p.Target.Name()},
		{Change: EnableIAP{OAuthClient{"1-a.apps.googleusercontent.com", "projects/p/secrets/s/versions/1"}},
			Resource: backend.Resource()},
		{Change: EnableDirectIAP{}, Resource: p.Target.Name()},
		{Change: RestrictIngress{posture.IngressAll, posture.IngressInternalLoadBalancing}, Resource: p.Target.Name()},
		{Change: RequireInvoker{}, Resource: p.Target.Name()},
		{Change: RevokePublic{posture.RoleInvoker, []string{"allUsers"}, false}, Resource: p.Target.Name()},
		{Change: Redeploy{"hello-00001-abc", policy.ImagePin}, Resource: p.Target.Name()},
	}
	list := map[Op]Step{}
	for _, step := range steps {
		list[step.Op()] = step
	}
	return list
}

func TestEveryOperationHasAllItsParts(t *testing.T) {
	p := posturetest.Protected()
	p.Service.IAPOn = true
	steps := samples(p)
	for _, operation := range Operations() {
		t.Run(string(operation.Op), func(t *testing.T) {
			step, sampled := steps[operation.Op]
			switch {
			case !sampled:
				t.Fatal("the test has no sample of it")
			case operation.Stage == 0, operation.Symbol == "", operation.timing == 0:
				t.Errorf("it lacks a stage, a symbol or a timing: %+v", operation)
			case step.Words() == Words{}:
				t.Error("it has no words")
			}
			if err := step.Check(p); err != nil {
				t.Errorf("our own step is refused: %v", err)
			}
			if !operation.Stays {
				undoable(t, p, step, operation)
			}
			readBack(t, step)
		})
	}
}

// undoable checks what undo and the search for contests need of an operation.
func undoable(t *testing.T, p posture.Posture, step Step, operation Operation) {
	t.Helper()
	if at := step.Standing(p); !at.Set || at.Version == "" && step.Op() != "enable-direct-iap" {
		t.Errorf("after the step it stands as %+v, want it set, at a version", at)
	}
	if operation.Audited == "" {
		t.Error("it does not say in which audit log entries it shows")
	}
	if effect := step.Change.effect(event.Write{}); effect != effectHidden {
		t.Errorf("an entry that says nothing has effect %d, want hidden", effect)
	}
	if other := (Step{Change: step.Change, Resource: "projects/other/x"}); other.Check(p) == nil {
		t.Error("a step on another's resource is accepted")
	}
	before, after := len(door.Of(p)), len(door.Of(step.Without(p)))
	if before != after {
		t.Errorf("without the step there are %d doors, with it %d", after, before)
	}
}

// readBack reads a step from the words and from the JSON of its change.
func readBack(t *testing.T, step Step) {
	t.Helper()
	parsed, err := ParseChange(step.Op(), step.Words())
	if diff := cmp.Diff(step.Change, parsed); diff != "" || err != nil {
		t.Errorf("from its words, error %v (-want +got):\n%s", err, diff)
	}
	text, err := json.Marshal(step.Change)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := DecodeChange(step.Op(), text)
	if diff := cmp.Diff(step.Change, decoded); diff != "" || err != nil {
		t.Errorf("from %s, error %v (-want +got):\n%s", text, err, diff)
	}
	if _, err := DecodeChange(step.Op(), []byte(`{"more": 1}`)); err == nil {
		t.Error("a change with another member is accepted")
	}
}

func TestAnUnknownOperationIsRefused(t *testing.T) {
	if _, err := ParseChange("delete-everything", Words{}); err == nil {
		t.Error("words of an unknown operation are accepted")
	}
	if _, err := DecodeChange("delete-everything", []byte("{}")); err == nil {
		t.Error("a change of an unknown operation is accepted")
	}
	if err := (Plan{Steps: []Step{{}}}).Check(posturetest.Protected()); err == nil {
		t.Error("a step without a change is accepted")
	}
}
