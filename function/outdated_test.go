package function

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
)

// replica is a transport that can answer reads of hello as it was once.
type replica struct {
	http.RoundTripper
	kept         []byte // the last answer, as long as it keeps
	keeps, stale bool
}

func (r *replica) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.RoundTripper.RoundTrip(request)
	if err != nil || request.Method != http.MethodGet || request.URL.Path != "/v2/"+hello.Name() || !r.keeps && !r.stale {
		return response, err
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if r.keeps {
		r.kept = text
	} else {
		text = r.kept
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return response, nil
}

// A replica that lags shows a door closed that was opened since.
func TestAnOutdatedAnswerIsNoAllClear(t *testing.T) {
	setup, lags := benchConfig(t, settlesAtOnce), &replica{}
	setup.config.Connect.Wrap = func(base http.RoundTripper) http.RoundTripper {
		lags.RoundTripper = base
		return lags
	}
	b := startBench(t, setup)
	ingress := func(setting string) {
		b.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=ingress", map[string]any{"ingress": setting})
	}
	look := func(key string, want door.Knowledge) {
		t.Helper()
		if b.outcome(t, key); b.last(t).Exposed != want {
			t.Fatalf("%s: exposed %s, want %s", key, b.last(t).Exposed, want)
		}
	}
	ingress("INGRESS_TRAFFIC_INTERNAL_ONLY")
	lags.keeps = true
	look("closed", door.No)
	lags.keeps = false
	ingress("INGRESS_TRAFFIC_ALL")
	look("opened", door.Yes)
	lags.stale = true
	if err := b.deliver(t, "changed", event.RunServiceChanged); err == nil || b.last(t).Exposed != door.Unknown {
		t.Errorf("from a replica that lags: %v and exposed %s, want another delivery, and unknown", err, b.last(t).Exposed)
	}
	lags.stale = false
	look("changed", door.Yes)
}
