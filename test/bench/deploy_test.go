package bench

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// deployCalls are the calls that one deploy with its load balancer leads to, until all its events are
// answered: Google's, those of them that are repeated, by kind, and the memory's. Nothing waits, so that
// each event may lead to a look of its own.
func deployCalls(t *testing.T) (google, memory int, most string) {
	calls := &trace{began: map[*http.Request]time.Time{}}
	e := withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(), Bucket: true, Queued: true,
		Held: calls.held, Answered: calls.answered})
	hello := playground.Scenario[0]
	e.Build(hello)
	e.Until("it is protected", e.Safe(hello.Service))
	all := calls.take()
	kinds := map[string]int{}
	for _, call := range those(all, false) {
		kinds[call.what[strings.LastIndexByte(call.what, '/')+1:]]++
	}
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return kinds[b] - kinds[a] })
	var repeated []string
	for _, name := range names[:min(8, len(names))] {
		repeated = append(repeated, fmt.Sprintf("%d %s", kinds[name], name))
	}
	return len(those(all, false)), len(those(all, true)), strings.Join(repeated, ", ")
}
