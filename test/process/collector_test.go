package process

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
)

func TestACollectorThatHangsHoldsUpNoProtection(t *testing.T) {
	o := open(t)
	services := manyServices(20)
	o.Build(services...)
	exported := make(chan struct{}, 10_000)
	over := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		exported <- struct{}{}
		<-over
	}))
	t.Cleanup(func() { close(over); hanging.Close() })
	i := run(t, o.Env, o.URL(), "IAPGUARD_WORK_TOPIC="+playground.WorkTopic, "OTEL_EXPORTER_OTLP_ENDPOINT="+hanging.URL)
	o.to(i)
	o.push(20)
	for range 10 {
		o.deployed(time.Now().String(), services)
	}
	o.settled()
	o.safe(services)
	if len(exported) == 0 {
		t.Error("nothing was exported: this test shows nothing")
	}
	if state := o.pushed(playground.EventsTopic); len(state.Unacknowledged) > 0 {
		t.Errorf("messages were refused: %+v", state.Unacknowledged)
	}
	o.againIsNothing(services)
	i.end() // within ten seconds, with what is left unexported
}
