package iampolicy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithdrawTakesBackWhatAddPutInAndNothingElse(t *testing.T) {
	conditional := Binding{Role: "r", Members: []string{"a"}, Condition: &Condition{Expression: "x"}}
	before := func() Policy {
		return Policy{Bindings: []Binding{conditional, {Role: "r", Members: []string{"b"}}, {Role: "s", Members: []string{"a"}}}}
	}
	p := before()
	if !p.Add("r", []string{"a"}) || !p.Withdraw("r", []string{"a"}) {
		t.Error("nothing changed")
	}
	if diff := cmp.Diff(before(), p); diff != "" {
		t.Errorf("after adding and withdrawing (-before +after):\n%s", diff)
	}
	alone := Policy{}
	alone.Add("r", []string{"a"})
	alone.Withdraw("r", []string{"a"})
	if len(alone.Bindings) > 0 {
		t.Errorf("an empty binding stays: %v", alone.Bindings)
	}
	if p := before(); p.Withdraw("s", []string{"b"}) {
		t.Error("withdrawing whom nobody added counts as a change")
	}
}
