package doors

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

// faults sets what goes wrong, as a user of the local cloud does.
func (o *town) faults(list string) {
	o.t.Helper()
	response, err := http.Post(o.api+"/_local/faults", "application/json", strings.NewReader(list))
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		o.t.Fatalf("setting %s: %d %s %v", list, response.StatusCode, text, err)
	}
}

func TestFaultsAreFeltAtTheDoors(t *testing.T) {
	visit := func(o *town) string {
		return verdict(o.knock(knock{host: o.Host, path: "/", who: alice}))
	}
	t.Run("a stuck grant", func(t *testing.T) {
		o := build(t, global, localcloud.Options{})
		protected(o)
		o.faults(`[{"action":"stuck-grant","service":"` + o.Name() + `","until":"forever"}]`)
		if got := visit(o); got != "403 by Cloud Run" {
			t.Errorf("while the grant is stuck alice gets %q", got)
		}
		o.faults(`[]`)
		if got := visit(o); got != inside {
			t.Errorf("afterwards alice gets %q, want %q", got, inside)
		}
	})
	t.Run("no longer after a reset", func(t *testing.T) {
		o := build(t, global, localcloud.Options{})
		o.faults(`[{"action":"late-settings","delay":"1h"}]`)
		response, err := http.Post(o.api+"/_local/reset", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		for _, again := range []func(context.Context, stage.Client) error{o.Deploy, o.Balance} {
			if err := again(t.Context(), o.owner()); err != nil {
				t.Fatal(err)
			}
		}
		if got := visit(o); got != inside {
			t.Errorf("a stranger to the former world gets %q, want %q", got, inside)
		}
	})
	t.Run("late settings", func(t *testing.T) {
		o := build(t, global, localcloud.Options{})
		accessors("user:somebody@example.com")(o)
		invokers("allUsers")(o)
		provision(o)
		o.faults(`[{"action":"late-settings","delay":"1h"}]`)
		iapOn(o)
		if got := visit(o); got != inside {
			t.Errorf("before IAP is in effect alice gets %q, want %q", got, inside)
		}
		o.faults(`[]`)
		if got := visit(o); got != "403 by IAP" {
			t.Errorf("when nothing is late alice gets %q, want 403 by IAP", got)
		}
	})
}
