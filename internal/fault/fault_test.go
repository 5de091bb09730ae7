package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestEveryKindHasAnAction(t *testing.T) {
	for _, tc := range []struct {
		kind Kind
		want Action
	}{
		{Unknown, Retry}, {NotFound, Gone}, {Conflict, Replan}, {Busy, Later}, {Denied, Block},
		{APIDisabled, Block}, {OrgPolicy, Block}, {NotProvisioned, Retry}, {Invalid, Block},
		{Quota, Retry}, {Unavailable, Retry}, {Canceled, Retry},
	} {
		if _, ok := actions[tc.kind]; !ok {
			t.Errorf("kind %q has no action", tc.kind)
		}
		if got := ActionOf(New(tc.kind, "calling")); got != tc.want {
			t.Errorf("ActionOf(%q) = %d, want %d", tc.kind, got, tc.want)
		}
	}
	if want := 12; len(actions) != want {
		t.Errorf("the table has %d kinds, this test knows %d", len(actions), want)
	}
}

func TestOfFindsTheClassificationThroughWrapping(t *testing.T) {
	wrapped := fmt.Errorf("patching: %w", New(Denied, "no"))
	if got := Of(wrapped).Kind; got != Denied {
		t.Errorf("Of(wrapped).Kind = %q, want %q", got, Denied)
	}
	if got := Of(errors.New("plain")).Kind; got != Unknown {
		t.Errorf("Of(plain).Kind = %q, want %q", got, Unknown)
	}
}
