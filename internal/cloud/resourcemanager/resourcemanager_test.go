package resourcemanager

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

func TestAProjectInAnOrganizationIsKept(t *testing.T) {
	var moved atomic.Bool
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		parent := ""
		if moved.Load() {
			parent = `,"parent":{"type":"folder","id":"1"}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"projectId":"lone-project","projectNumber":"42"` + parent + `}`))
	}))
	defer server.Close()
	client, err := New(t.Context(), connect.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var got []Project
	for range 3 {
		project, err := client.Project(t.Context(), "lone-project")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, project)
		moved.Store(true)
	}
	want := []Project{{"lone-project", "42", false}, {"lone-project", "42", true}, {"lone-project", "42", true}}
	if diff := cmp.Diff(want, got); diff != "" || asked != 2 {
		t.Errorf("asked %d times, want 2; projects (-want +got):\n%s", asked, diff)
	}
}
