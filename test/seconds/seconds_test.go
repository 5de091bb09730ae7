package seconds

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var write = flag.Bool("write", false, "play everything and write table.md anew")

const (
	service = "/v2/projects/demo-project/locations/us-central1/services/hello"
	backend = "/compute/v1/projects/demo-project/global/backendServices/hello-backend"
	access  = "/v1/projects/123456789012/iap_web/compute/services/hello-backend"
	// These are how many seconds strangers may get in at most: before a new service, after
	// drift, while others touch it all the time, and where an old one is first protected.
	newBound, driftBound, touchedBound, firstBound = 20, 35, 130, 330
)

// plays are what somebody does, each in a room of its own.
var plays = []struct {
	name  string
	small bool // it is played in every run
	bound int
	play  func(*testing.T, tool) *room
}{
	{"a new public service before an existing load balancer", true, newBound, func(t *testing.T, by tool) *room {
		r := start(t, 0)
		r.Balance(hello)
		r.later(time.Hour)
		r.deploy(by)
		r.turn(90)
		return r
	}},
	{"a load balancer before a public service that is half a minute old", false, newBound, func(t *testing.T, by tool) *room {
		r := start(t, 0)
		r.deploy(by)
		r.turn(30)
		r.open = map[string]int{}
		r.Balance(hello)
		r.turn(90)
		return r
	}},
	{"drift: allUsers may invoke", true, driftBound, drift(func(r *room, by tool) {
		r.invokers(by, func(members []any) []any { return append(members, "allUsers") })
	})},
	{"drift: the invoker check is off", false, driftBound, drift(func(r *room, by tool) {
		r.call(by, http.MethodPatch, service+"?updateMask=invokerIamDisabled", map[string]any{"invokerIamDisabled": true})
	})},
	{"drift: ingress all", false, driftBound, drift(func(r *room, by tool) {
		r.call(by, http.MethodPatch, service+"?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
	})},
	{"drift: IAP off", false, driftBound, drift(func(r *room, by tool) {
		r.call(by, http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false}})
	})},
	{"drift: allUsers may invoke, ingress all", false, driftBound, drift(func(r *room, by tool) {
		r.call(by, http.MethodPatch, service+"?updateMask=ingress", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"})
		r.invokers(by, func(members []any) []any { return append(members, "allUsers") })
	})},
	{"drift: allUsers may invoke, IAP off", false, driftBound, drift(func(r *room, by tool) {
		r.call(by, http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false}})
		r.invokers(by, func(members []any) []any { return append(members, "allUsers") })
	})},
	{"drift: all of these at once", true, driftBound, drift(func(r *room, by tool) {
		r.call(by, http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false}})
		r.call(by, http.MethodPatch, service+"?updateMask=ingress,invokerIamDisabled",
			map[string]any{"ingress": "INGRESS_TRAFFIC_ALL", "invokerIamDisabled": true})
		r.invokers(by, func([]any) []any { return []any{"allUsers"} })
	})},
	{"a new public service, and a label that changes each second", false, touchedBound, func(t *testing.T, by tool) *room {
		r := start(t, 0)
		r.Balance(hello)
		r.later(time.Hour)
		r.deploy(by)
		for i := range 140 {
			r.turn(1)
			r.call(by, http.MethodPatch, service+"?updateMask=labels",
				map[string]any{"labels": map[string]any{"touched": strconv.Itoa(i)}})
		}
		r.turn(60)
		return r
	}},
	{"a load balancer before an old public service, and another accessor each minute", false, firstBound,
		func(t *testing.T, by tool) *room {
			r := start(t, 0)
			r.deploy(by)
			r.mail = nil // nobody hears of it
			r.later(time.Hour)
			r.Balance(hello)
			for i := range 6 {
				r.turn(60)
				r.addAccessor(by, fmt.Sprintf("user:eve%d@example.com", i))
			}
			return r
		}},
}

// drift is what somebody does to a protected service.
func drift(change func(*room, tool)) func(*testing.T, tool) *room {
	return func(t *testing.T, by tool) *room {
		r := protected(t, 0)
		change(r, by)
		r.turn(60)
		return r
	}
}

func TestSeconds(t *testing.T) {
	var table strings.Builder
	fmt.Fprint(&table, "Seconds that strangers got 200, by the clock of the local cloud; see doc.go.\n\n"+
		"| what somebody did | with | load balancer | run.app | at most |\n|---|---|---|---|---|\n")
	for _, one := range plays {
		for i, by := range tools {
			if !*write && (!one.small || i > 0) {
				continue
			}
			t.Run(one.name+"/"+by.name, func(t *testing.T) {
				r := one.play(t, by)
				for name, seconds := range r.open {
					if seconds > one.bound {
						t.Errorf("a stranger got in for %d s at the %s, want at most %d", seconds, name, one.bound)
					}
				}
				if !r.safe() {
					t.Errorf("the service is %s in the end", r.LastOf(hello.Service).Outcome)
				}
				fmt.Fprintf(&table, "| %s | %s | %d | %d | %d |\n", one.name, by.name, r.open["load balancer"], r.open["run.app"],
					one.bound)
			})
		}
	}
	t.Logf("\n%s", &table)
	if *write && !t.Failed() {
		if err := os.WriteFile("table.md", []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheCommittedTableHasEveryPlay(t *testing.T) {
	text, err := os.ReadFile("table.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(string(text), "\n")
	for _, one := range plays {
		for _, by := range tools {
			if !slices.ContainsFunc(rows, func(row string) bool {
				return strings.HasPrefix(row, "| "+one.name+" | "+by.name+" |")
			}) {
				t.Errorf("table.md lacks %q with %s: write it anew", one.name, by.name)
			}
		}
	}
}

func TestEntitledPeopleGetInWhileGrantsPropagate(t *testing.T) {
	const propagation, newAtMost = 2 * time.Minute, 180
	t.Run("an old service", func(t *testing.T) {
		r := start(t, propagation)
		r.deploy(tools[0])
		r.mail = nil // nobody hears of it
		r.later(time.Hour)
		r.Balance(hello)
		r.turn(360)
		if r.refused > 0 || !r.safe() {
			t.Errorf("alice got 403 for %d s, want none; the service is %s", r.refused, r.LastOf(hello.Service).Outcome)
		}
	})
	t.Run("a new service", func(t *testing.T) {
		r := start(t, propagation)
		r.Balance(hello)
		r.later(time.Hour)
		r.deploy(tools[0])
		r.turn(360)
		if r.refused >= newAtMost || !r.safe() {
			t.Errorf("alice got 403 for %d s, want less than %d; the service is %s", r.refused, newAtMost,
				r.LastOf(hello.Service).Outcome)
		}
	})
}
