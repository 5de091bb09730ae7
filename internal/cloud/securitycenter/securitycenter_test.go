package securitycenter

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// A finding that stands is made or changed, and one that does not is closed where it is.
func TestAFindingIsPutOrClosedAndNeverMadeClosed(t *testing.T) {
	const name, closed = "organizations/1/sources/2/findings/a", "organizations/1/sources/2/findings/gone"
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the test's own client
		asked = append(asked, r.Method+" "+r.URL.Path+" "+strings.TrimSpace(string(body)))
		switch {
		case strings.Contains(r.URL.Path, "/gone:"):
			http.Error(w, `{"error":{"code":404,"message":"Requested entity was not found."}}`, http.StatusNotFound)
		case strings.Contains(r.URL.Path, "/refused"):
			http.Error(w, `{"error":{"code":403,"message":"denied"}}`, http.StatusForbidden)
		default:
			io.WriteString(w, `{}`)
		}
	}))
	defer server.Close()
	c, err := New(t.Context(), connect.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{
		`{"name":"` + name + `","state":"ACTIVE","category":"X"}`,
		`{"name":"` + name + `","state":"INACTIVE","category":"X","eventTime":"2026-11-30T09:00:00Z"}`,
		`{"name":"` + closed + `","state":"INACTIVE","category":"X","eventTime":"2026-11-30T09:00:00Z"}`,
	} {
		if err := c.Put(t.Context(), []byte(document)); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
	want := []string{
		`PATCH /v1/` + name + ` {"category":"X","name":"` + name + `","state":"ACTIVE"}`,
		`POST /v1/` + name + `:setState {"startTime":"2026-11-30T09:00:00Z","state":"INACTIVE"}`,
		`POST /v1/` + closed + `:setState {"startTime":"2026-11-30T09:00:00Z","state":"INACTIVE"}`,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("calls (-want +made):\n%s", diff)
	}
	err = c.Put(t.Context(), []byte(`{"name":"organizations/1/sources/2/findings/refused","state":"ACTIVE"}`))
	if err == nil || !strings.Contains(err.Error(), "securitycenter.findings.update") {
		t.Errorf("a refused finding: %v, want what is missing", err)
	}
}
