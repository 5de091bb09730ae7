package loop

import (
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
)

func TestTheSinkDeliversWhatTheFunctionActsOnAndNothingElse(t *testing.T) {
	t.Parallel()
	r := start(t)
	hello := playground.Scenario[0]
	r.Build(hello)
	r.Until("hello is protected", r.Safe("hello"))
	r.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels",
		map[string]any{"labels": map[string]any{"team": "web"}})
	if _, err := r.Developer().Call(t.Context(), http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=nothing",
		map[string]any{}); err == nil {
		t.Error("a patch of a field that is none was taken")
	}
	project := "/v1/projects/" + playground.Project
	r.CallAs(r.Owner(), http.MethodPost, project+":setIamPolicy",
		map[string]any{"policy": r.CallAs(r.Owner(), http.MethodPost, project+":getIamPolicy", nil)})
	r.Until("all is quiet", func() bool { return true })

	everything, err := logging.ParseFilter("")
	if err != nil {
		t.Fatal(err)
	}
	self := event.Self{Principals: []string{playground.FunctionAccount}, UserAgent: "iapguard"}
	acted, ignored := 0, map[event.Reason]int{}
	for _, entry := range r.Cloud.Logs().Entries(everything) {
		for _, result := range event.Parse(event.Message{Body: entry}, self) {
			if ignored[result.Ignored]++; result.Cause != nil {
				acted++
			}
		}
	}
	sinks, _ := r.Call(http.MethodGet, "/_local/state", nil)["logging"].(map[string]any)
	sink, _ := sinks["projects/"+playground.Project+"/sinks/iapguard-events"].(map[string]any)
	if delivered, _ := sink["delivered"].(float64); acted == 0 || int(delivered) != acted {
		t.Errorf("%v entries delivered, want the %d that are acted on: %v", sink["delivered"], acted, sink)
	}
	for _, reason := range []event.Reason{event.OwnWrite, event.FirstHalf, event.Unrelated} {
		if ignored[reason] == 0 {
			t.Errorf("no entry is ignored as %s: this test sees too little (%v)", reason, ignored)
		}
	}
}
