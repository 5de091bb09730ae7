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
		{Unknown, Retry}, {ServiceGone, Gone}, {NotFound, Retry}, {Conflict, Replan}, {Busy, Later}, {Denied, Block},
		{APIDisabled, Block}, {OrgPolicy, Block}, {NotProvisioned, Retry}, {Invalid, Block},
		{Quota, Retry}, {Unavailable, Retry}, {Canceled, Retry}, {OperationFailed, Fail},
		{Unauthenticated, Retry}, {OperationUnread, Later},
	} {
		if _, ok := actions[tc.kind]; !ok {
			t.Errorf("kind %q has no action", tc.kind)
		}
		if got := ActionOf(New(tc.kind, "calling")); got != tc.want {
			t.Errorf("ActionOf(%q) = %d, want %d", tc.kind, got, tc.want)
		}
	}
	if want := 16; len(actions) != want {
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

func TestLastingIsWhatNoRetryOvercomes(t *testing.T) {
	for _, tc := range []struct {
		kind Kind
		want bool
	}{
		{Denied, true}, {APIDisabled, true}, {Invalid, true}, {NotFound, true},
		{Unavailable, false}, {Quota, false}, {Unknown, false}, {ServiceGone, false},
	} {
		if got := Lasting(New(tc.kind, "reading")); got != tc.want {
			t.Errorf("Lasting(%q) = %t, want %t", tc.kind, got, tc.want)
		}
	}
}

func TestAnOperationThatCannotBeReadSaysNothingOfTheWrite(t *testing.T) {
	for kind, want := range map[Kind]Kind{
		Denied: OperationUnread, NotFound: OperationUnread, Invalid: OperationUnread,
		Unavailable: Unavailable, Canceled: Canceled,
	} {
		refused := &Error{Kind: kind, Permission: "run.operations.get", Err: errors.New("no")}
		got := Of(Unread("operations/1", fmt.Errorf("asking: %w", refused)))
		if got.Kind != want || got.Permission != refused.Permission || !errors.Is(got, refused.Err) {
			t.Errorf("Unread of %q is %v of kind %q, want %q", kind, got, got.Kind, want)
		}
	}
	if got := Unread("operations/1", nil); got != nil {
		t.Errorf("Unread(nil) = %v", got)
	}
}

func TestAWriteToSomethingMissingIsAConflict(t *testing.T) {
	missing := fmt.Errorf("patching: %w", New(NotFound, "no such service"))
	if got := Stale(missing); Of(got).Kind != Conflict || got.Error() != missing.Error() {
		t.Errorf("Stale(%v) = %v of kind %q, want a conflict with the same text", missing, got, Of(got).Kind)
	}
	denied := New(Denied, "no")
	if got := Stale(denied); got != denied {
		t.Errorf("Stale(%v) = %v, want it unchanged", denied, got)
	}
	if got := Stale(nil); got != nil {
		t.Errorf("Stale(nil) = %v", got)
	}
}
