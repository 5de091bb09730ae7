package pubsub

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
)

// paged answers lists with one subscription a page, on so many pages.
func paged(t *testing.T, pages int) (client *Client, asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		next := ""
		if *asked < pages {
			next = fmt.Sprintf(`, "nextPageToken": "%d"`, *asked)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w,
			`{"subscriptions": [{"name": "projects/p/subscriptions/s%d", "pushConfig": {
			  "pushEndpoint": "https://hello.example.com"}}]%s}`, *asked, next)
	}))
	t.Cleanup(server.Close)
	client, err := New(t.Context(), connect.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client, asked
}

func TestAListIsReadUpToABound(t *testing.T) {
	for _, tc := range []struct{ pages, asked, found int }{{1, 1, 1}, {3, 3, 3},
		{connect.MaxPages, connect.MaxPages, connect.MaxPages}} {
		client, asked := paged(t, tc.pages)
		found, err := client.Subscriptions(t.Context(), "p")
		if err != nil || len(found) != tc.found || *asked != tc.asked {
			t.Errorf("%d pages: %d found in %d calls, %v", tc.pages, len(found), *asked, err)
		}
	}
	client, asked := paged(t, 1000)
	_, err := client.Subscriptions(t.Context(), "p")
	if err == nil || fault.ActionOf(err) != fault.Block ||
		!strings.Contains(err.Error(), "more subscriptions than are looked through") || *asked != connect.MaxPages {
		t.Errorf("without an end: %v after %d calls, want an error after %d", err, *asked, connect.MaxPages)
	}
}
