package iampolicy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

const role = "roles/run.invoker"

func sample() Policy {
	return Policy{Etag: "BwYV1CSTacg=", Version: 3, Bindings: []Binding{
		{Role: "roles/run.viewer", Members: []string{"user:zoe@example.com"}},
		{
			Role: role, Members: []string{"allUsers", "user:bob@example.com"},
			Condition: &Condition{Expression: "request.time < timestamp('2030-01-01T00:00:00Z')", Title: "until"},
		},
		{Role: role, Members: []string{"allUsers"}},
	}}
}

func TestAddKeepsEverythingElse(t *testing.T) {
	p := sample()
	if !p.Add(role, []string{"serviceAccount:a@b.iam.gserviceaccount.com"}, posture.Condition{}) {
		t.Error("Add reports no change")
	}
	want := sample()
	want.Bindings[2].Members = []string{"allUsers", "serviceAccount:a@b.iam.gserviceaccount.com"}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Add(role, []string{"allUsers"}, posture.Condition{}) {
		t.Error("adding a member that is there reports a change")
	}
}

func TestAddMakesABindingWithoutACondition(t *testing.T) {
	p := Policy{Bindings: []Binding{{Role: role, Members: []string{"user:a@example.com"},
		Condition: &Condition{Expression: "true"}}}}
	p.Add(role, []string{"user:b@example.com"}, posture.Condition{})
	if len(p.Bindings) != 2 || p.Bindings[1].Condition != nil || len(p.Bindings[0].Members) != 1 {
		t.Errorf("bindings = %+v, want a second one without a condition", p.Bindings)
	}
}

func TestRemoveTakesMembersFromEveryBindingOfTheRole(t *testing.T) {
	p := sample()
	if !p.Remove(role, []string{"allUsers", "allAuthenticatedUsers"}) {
		t.Error("Remove reports no change")
	}
	want := sample()
	want.Bindings = want.Bindings[:2]
	want.Bindings[1].Members = []string{"user:bob@example.com"}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Remove(role, []string{"allUsers"}) {
		t.Error("removing a member that is not there reports a change")
	}
}

func TestAnEtagHoldsTheTimeOfTheChange(t *testing.T) {
	want := time.Date(2024, 4, 11, 15, 52, 31, 154632000, time.UTC)
	if got := sample().Posture().ChangedAt; !got.Equal(want) {
		t.Errorf("ChangedAt = %v, want %v", got, want)
	}
	for _, etag := range []string{"ACAB", "", "not base64!", "AAAAAAAAAAA="} {
		if got := changedAt(etag); !got.IsZero() {
			t.Errorf("changedAt(%q) = %v, want the zero time", etag, got)
		}
	}
}

func TestAnEmptyConditionStaysACondition(t *testing.T) {
	p := Policy{Bindings: []Binding{
		{Role: role, Members: []string{"user:a@example.com"}},
		{Role: role, Members: []string{"user:b@example.com"}, Condition: &Condition{Expression: "true"}},
		{Role: role, Members: []string{"user:c@example.com"}, Condition: &Condition{}},
	}}
	want := []posture.Binding{
		{Role: role, Members: []string{"user:a@example.com"}},
		{Role: role, Members: []string{"user:b@example.com"}, Condition: "true"},
		{Role: role, Members: []string{"user:c@example.com"}, Condition: "an empty condition"},
	}
	if diff := cmp.Diff(want, p.Posture().Bindings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPolicyThatMovedIsAConflict(t *testing.T) {
	if err := sample().Unmoved("BwYV1CSTacg="); err != nil {
		t.Errorf("Unmoved at its own version: %v", err)
	}
	if err := sample().Unmoved("ACAB"); fault.Of(err).Kind != fault.Conflict {
		t.Errorf("Unmoved at another version: %v, want a conflict", err)
	}
}
