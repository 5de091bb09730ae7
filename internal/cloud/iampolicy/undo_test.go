package iampolicy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestWithdrawTakesBackOnlyWhatAddPutIn(t *testing.T) {
	conditional := Binding{Role: "r", Members: []string{"a"}, Condition: &Condition{Expression: "x"}}
	before := func() Policy {
		return Policy{Bindings: []Binding{conditional, {Role: "r", Members: []string{"b"}},
			{Role: "s", Members: []string{"a"}}}}
	}
	p := before()
	if !p.Add("r", []string{"a"}, posture.Condition{}) || !p.Withdraw("r", []string{"a"}, posture.Condition{}) {
		t.Error("nothing changed")
	}
	if diff := cmp.Diff(before(), p); diff != "" {
		t.Errorf("after adding and withdrawing (-before +after):\n%s", diff)
	}
	alone := Policy{}
	alone.Add("r", []string{"a"}, posture.Condition{})
	alone.Withdraw("r", []string{"a"}, posture.Condition{})
	if len(alone.Bindings) > 0 {
		t.Errorf("an empty binding stays: %v", alone.Bindings)
	}
	if p := before(); p.Withdraw("s", []string{"b"}, posture.Condition{}) {
		t.Error("withdrawing a member that was never added counts as a change")
	}
}

func TestAConditionalGrantHasABindingOfItsOwn(t *testing.T) {
	under := posture.Condition{Title: "until spring", Expression: "e"}
	ours := &Condition{Title: "until spring", Expression: "e"}
	before := func() Policy {
		return Policy{Bindings: []Binding{
			{Role: "r", Members: []string{"a"}},
			{Role: "r", Members: []string{"b"}, Condition: &Condition{Title: "somebody else's", Expression: "e"}},
		}}
	}
	p := before()
	if !p.Add("r", []string{"c"}, under) || !p.Add("r", []string{"d"}, under) || p.Add("r", []string{"d"}, under) {
		t.Error("adding c and d, and d again, says something else about what changed")
	}
	want := append(before().Bindings, Binding{Role: "r", Members: []string{"c", "d"}, Condition: ours})
	if diff := cmp.Diff(want, p.Bindings); diff != "" {
		t.Errorf("after adding (-want +got):\n%s", diff)
	}
	p.Withdraw("r", []string{"a", "b", "c", "d"}, under)
	if diff := cmp.Diff(before(), p); diff != "" {
		t.Errorf("after withdrawing (-before +after):\n%s", diff)
	}
}
