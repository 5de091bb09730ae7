package house

import (
	"slices"
	"strings"
	"testing"
)

// realTimeOuts are the files whose time-outs follow the machine's clock, each with
// its reason. Those of all other code follow the injected clock (package timeout).
var realTimeOuts = map[string]string{
	"function/cmd/iapguard/local.go":         "a person at a terminal waits for the scenario and its end",
	"function/cmd/iapguard/serve.go":         "Cloud Run kills the instance some real seconds after SIGTERM",
	"function/cmd/iapguard/status_limits.go": "a person at a terminal waits for the logs",
	"internal/playground/playground.go":      "its servers close when the command ends",
}

// machineTimed have time-outs of their own: the local cloud plays Google's servers,
// and tests bound what hangs in them.
var machineTimed = []string{"internal/localcloud", "test"}

func TestTimeOutsFollowTheInjectedClock(t *testing.T) {
	excused := map[string]bool{}
	for _, s := range sources(t) {
		exempt := s.test || slices.ContainsFunc(machineTimed, func(p string) bool { return within(s.folder, p) })
		for _, use := range uses(s.file) {
			bounds := strings.HasPrefix(use.name, "WithTimeout") || strings.HasPrefix(use.name, "WithDeadline")
			switch {
			case !bounds:
			case use.path == "github.com/jonboulle/clockwork":
				t.Errorf("%s uses clockwork.%s: use timeout.With", s.path, use.name)
			case use.path != "context" || exempt:
			case realTimeOuts[s.path] != "":
				excused[s.path] = true
			default:
				t.Errorf("%s uses context.%s: use timeout.With", s.path, use.name)
			}
		}
	}
	for path := range realTimeOuts {
		if !excused[path] {
			t.Errorf("%s has no time-out by the machine's clock, or is gone: remove it from realTimeOuts", path)
		}
	}
}
