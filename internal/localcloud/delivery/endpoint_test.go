package delivery_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// received is one request that an endpoint got.
type received struct {
	header http.Header
	body   []byte
}

// endpoint records what is pushed to it and answers as configured.
type endpoint struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	free func(http.ResponseWriter, *http.Request, int) // third: how many came before
}

func newEndpoint(t *testing.T, answer func(http.ResponseWriter, *http.Request, int)) *endpoint {
	t.Helper()
	e := &endpoint{free: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		before := len(e.got)
		e.got = append(e.got, received{r.Header, body})
		e.mu.Unlock()
		e.free(w, r, before)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) requests() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got)
}

func status(codes ...int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, before int) {
		w.WriteHeader(codes[min(before, len(codes)-1)])
	}
}
