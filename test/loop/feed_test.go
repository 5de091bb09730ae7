package loop

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// A message of a feed of Cloud Asset Inventory makes what it names be looked at, where the log does not
// reach the function. What it says of it does not count: the look reads it.
func TestAFeedWakesTheFunctionAndIsNotBelieved(t *testing.T) {
	t.Parallel()
	r, hello := start(t), playground.Scenario[0]
	r.Build(hello)
	r.Until("hello is protected", r.Safe("hello"))
	r.Idle()
	r.CallAs(r.Owner(), http.MethodDelete, "/v2/projects/"+playground.Project+"/sinks/iapguard-events", nil)
	backend := "/compute/v1/projects/" + playground.Project + "/global/backendServices/" + hello.Backend()
	r.Call(http.MethodPatch, backend, map[string]any{"iap": map[string]any{"enabled": false},
		"fingerprint": r.Call(http.MethodGet, backend, nil)["fingerprint"]})
	r.Idle()
	if again := count(r.Outcomes("hello"), report.Protected); again != 1 {
		t.Fatalf("hello was protected %d times without an event, want once", again)
	}
	message, err := json.Marshal(map[string]any{
		"asset": map[string]any{"assetType": "compute.googleapis.com/BackendService",
			"name":     "//compute.googleapis.com/projects/" + playground.Project + "/global/backendServices/" + hello.Backend(),
			"resource": map[string]any{"data": map[string]any{"iap": map[string]any{"enabled": true}}}},
		"priorAssetState": "PRESENT", "window": map[string]any{"startTime": r.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	r.Publish(playground.EventsTopic, string(message))
	r.Until("hello is protected again", func() bool { return count(r.Outcomes("hello"), report.Protected) == 2 })
	if last := r.LastOf("hello"); last.Cause.Kind != string(event.BackendServiceChanged) {
		t.Errorf("the cause of the last report is %s, want %s", last.Cause.Kind, event.BackendServiceChanged)
	}
}
