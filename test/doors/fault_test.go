package doors

import (
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
)

func TestFaultsAreFeltAtTheDoors(t *testing.T) {
	visit := func(o *fixture) string {
		return verdict(o.visit(visit{host: o.Host, path: "/", who: alice}))
	}
	t.Run("a stuck grant", func(t *testing.T) {
		o := build(t, global, playground.Options{})
		protected(o)
		o.SetFaults(`[{"action":"stuck-grant","service":"` + o.Name() + `","until":"forever"}]`)
		if got := visit(o); got != "403 by Cloud Run" {
			t.Errorf("while the grant is stuck alice gets %q", got)
		}
		o.SetFaults(`[]`)
		if got := visit(o); got != inside {
			t.Errorf("afterwards alice gets %q, want %q", got, inside)
		}
	})
	t.Run("no longer after a reset", func(t *testing.T) {
		o := build(t, global, playground.Options{})
		o.SetFaults(`[{"action":"late-settings","delay":"1h"}]`)
		o.call("POST", "/_local/reset", nil)
		o.Build(o.LoadBalanced)
		if got := visit(o); got != inside {
			t.Errorf("a stranger to the former world gets %q, want %q", got, inside)
		}
	})
	t.Run("late settings", func(t *testing.T) {
		o := build(t, global, playground.Options{})
		accessors("user:somebody@example.com")(o)
		invokers("allUsers")(o)
		provision(o)
		o.SetFaults(`[{"action":"late-settings","delay":"1h"}]`)
		iapOn(o)
		if got := visit(o); got != inside {
			t.Errorf("before IAP is in effect alice gets %q, want %q", got, inside)
		}
		o.SetFaults(`[]`)
		if got := visit(o); got != "403 by IAP" {
			t.Errorf("when nothing is late alice gets %q, want 403 by IAP", got)
		}
	})
}
