package logging_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// serve answers entries.list.
func serve(t *testing.T, answer func(request map[string]any) any) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request map[string]any
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Errorf("a request is not JSON: %v", err)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer(request)) // the client sees a cut answer
	}))
	t.Cleanup(server.Close)
	return server.URL
}
