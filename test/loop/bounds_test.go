package loop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// heapPeak samples the heap until it is stopped, and returns by how many bytes it grew at
// most. The local cloud runs in the same process, so its part is in it.
func heapPeak() (stop func() uint64) {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, most, ended, done := stats.HeapAlloc, stats.HeapAlloc, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&stats)
				most = max(most, stats.HeapAlloc)
			}
		}
	}()
	return func() uint64 { close(ended); <-done; return most - before }
}

// It is not parallel: it measures the heap.
func TestAServiceBehindAHugeURLMapIsProtected(t *testing.T) {
	const many = 10_000
	r := start(t)
	hello := playground.Scenario[0]
	r.Build(hello)
	r.Until("the service is protected", r.Safe("hello"))
	backend := "projects/" + playground.Project + "/global/backendServices/" + hello.Backend()
	var hosts, rules []any
	for i := range many {
		hosts = append(hosts, fmt.Sprintf("h%d.example.com", i))
		rules = append(rules, map[string]any{"paths": []any{fmt.Sprintf("/p%d/*", i)}, "service": backend})
	}
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // garbage counts less than what is held
	stop := heapPeak()
	r.Call(http.MethodPatch, "/compute/v1/projects/"+playground.Project+"/global/urlMaps/hello-map", map[string]any{
		"hostRules": []any{map[string]any{"hosts": hosts, "pathMatcher": "m"}},
		"pathMatchers": []any{map[string]any{"name": "m", "pathRules": rules,
			"defaultUrlRedirect": map[string]any{"hostRedirect": "a.example.com"}}}})
	r.Call(http.MethodPatch, "/compute/v1/"+backend, map[string]any{"iap": map[string]any{"enabled": false}})
	var last report.Report
	r.Until("the service is protected again", func() bool {
		all := r.Of("hello")
		at := slices.IndexFunc(all, func(one report.Report) bool {
			return one.Outcome == report.Protected && counted(one.Doors) > many
		})
		if at >= 0 {
			last = all[at]
		}
		return at >= 0
	})
	grown := stop()
	data, err := json.Marshal(last)
	t.Logf("the report has %d bytes and %d doors; the heap grew by %d MiB at most, with the local cloud's part",
		len(data), len(last.Doors), grown>>20)
	if err != nil || len(data) > report.MaxSize || last.Exposed != door.No || grown > 100<<20 {
		t.Errorf("%v, exposed %s", err, last.Exposed)
	}
	if got := counted(last.Doors); got < many*many || len(last.Doors) > 40 {
		t.Errorf("%d doors stand for %d addresses", len(last.Doors), got)
	}
	if !r.Safe("hello")() {
		t.Error("hello is not safe")
	}
}

// counted is how many addresses the doors stand for.
func counted(doors []report.Door) (total int) {
	for _, each := range doors {
		total += max(1, each.Count)
	}
	return total
}
