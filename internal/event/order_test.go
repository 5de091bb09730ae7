package event

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOrdersAreReadStrictly(t *testing.T) {
	const cart = "projects/p-shop/locations/europe-west1/services/cart"
	for _, tc := range []struct {
		name, body string
		want       Order
		says       string // of the error, "" = there is none
	}{
		{"a hold", `{"command":"hold","target":"projects/p-shop","for":"4h","reason":"a test"}`,
			Order{Name: "hold", Target: "projects/p-shop", For: 4 * time.Hour, Reason: "a test"}, ""},
		{"a wave", `{"command":"undo","policyDigest":"0123456789ab","since":"2026-11-29T10:00:00Z","yes":true}`,
			Order{Name: "undo", Policy: "0123456789ab", Since: time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC), Yes: true}, ""},
		{"an approval over the limit", `{"command":"approve","planId":"p","overLimit":true}`,
			Order{Name: "approve", PlanID: "p", OverLimit: true}, ""},
		{"a plan of the whole recipe", `{"command":"plan","target":"` + cart + `","wholeRecipe":true}`,
			Order{Name: "plan", Target: cart, WholeRecipe: true, Cause: &Cause{Kind: CommandReceived, Key: "command/id", EventID: "id",
				Project: "p-shop", Location: "europe-west1", Service: "cart",
				Command: &Command{Name: "plan", Target: cart, ID: "id"}}}, ""},
		{"the whole recipe of a project", `{"command":"plan","target":"projects/p-shop","wholeRecipe":true}`, Order{},
			"of one service"},
		{"the whole recipe by apply", `{"command":"apply","target":"projects/p-shop","wholeRecipe":true}`, Order{},
			"apply takes no wholeRecipe"},
		{"nothing", ``, Order{}, "not a command"},
		{"a list", `[]`, Order{}, "not a command"},
		{"an unknown command", `{"command":"destroy"}`, Order{}, `"destroy" is unknown`},
		{"an unknown member", `{"command":"resume","target":"projects/p-shop","only":"x"}`, Order{}, "only"},
		{"a member twice", `{"command":"resume","target":"projects/p-shop","target":"projects/p-bank"}`, Order{},
			"duplicate"},
		{"a member of another command", `{"command":"approve","planId":"p","yes":true}`, Order{}, "approve takes no yes"},
		{"a hold without a reason", `{"command":"hold","target":"projects/p-shop","for":"4h","reason":" "}`, Order{}, "needs"},
		{"a hold for no time", `{"command":"hold","target":"projects/p-shop","for":"0s","reason":"r"}`, Order{}, "like 4h"},
		{"a hold for how long", `{"command":"hold","target":"projects/p-shop","for":"long","reason":"r"}`, Order{}, `"long"`},
		{"a reason of two lines", `{"command":"close-breaker","reason":"a\nb"}`, Order{}, "one line"},
		{"a run and a wave", `{"command":"undo","run":"r","policyDigest":"d","since":"2026-11-29T10:00:00Z"}`, Order{},
			"needs run, or"},
		{"a wave without a time", `{"command":"undo","policyDigest":"d"}`, Order{}, "needs run, or"},
		{"a target that is no scope", `{"command":"undo","run":"r","target":"hello"}`, Order{}, "hello"},
		{"a plan with a line's end", `{"command":"approve","planId":"p\n"}`, Order{}, "printable"},
		{"a sweep with a reason", `{"command":"sweep","reason":"r"}`, Order{}, "sweep takes no reason"},
	} {
		got, err := ParseOrder([]byte(tc.body), "id")
		switch {
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.says)
		case tc.says == "" && (err != nil || cmp.Diff(tc.want, got) != ""):
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, cmp.Diff(tc.want, got))
		}
	}
}

func TestAnOrderThatAMessageCouldBeIsItsCause(t *testing.T) {
	got, err := ParseOrder([]byte(`{"command":"apply","target":"projects/p-shop","planId":"p"}`), "direct-1")
	want := &Cause{Kind: CommandReceived, Key: "command/direct-1", EventID: "direct-1", Project: "p-shop",
		Command: &Command{Name: "apply", Target: "projects/p-shop", PlanID: "p", ID: "direct-1"}}
	if diff := cmp.Diff(want, got.Cause); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := ParseOrder([]byte(`{"command":"plan"}`), "direct-1"); err == nil {
		t.Error("a plan of nothing was taken")
	}
}

func TestAMessageTakesNoIDOfASentCommand(t *testing.T) {
	for id, want := range map[string]Reason{"direct-1": Unreadable, "mine": ""} {
		body := `{"command":"sweep","target":"projects/p-shop","id":"` + id + `"}`
		got := Parse(Message{Body: []byte(body), Commands: true}, Self{})
		if len(got) != 1 || got[0].Ignored != want {
			t.Errorf("id %s: %+v", id, got)
		}
	}
}
