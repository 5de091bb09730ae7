package cloud_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iap"
	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// An object without items looks like an empty list, and settings without values like those that
// nobody made: either would hide a door.
func TestAnAnswerToAnotherQuestionIsNoEmptyOne(t *testing.T) {
	for kind, body := range map[string]string{
		"of nothing":         `{}`,
		"of another project": `{"id": "projects/other/aggregated/backendServices", "name": "organizations/2", "items": {}}`,
		"of another kind":    `{"id": "projects/demo-project/aggregated/disks", "name": "organizations/1/settings", "kind": "JobList"}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		config := connect.Config{Endpoint: server.URL}
		for name, read := range map[string]func(context.Context) error{
			"load balancers": func(ctx context.Context) error {
				client, err := loadbalancer.New(ctx, config, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Inventory(ctx, hello.Project)
				return err
			},
			"services": func(ctx context.Context) error {
				_, err := services(ctx, t, config).List(ctx, posture.Scope{Project: hello.Project})
				return err
			},
			"domain mappings": func(ctx context.Context) error {
				_, err := services(ctx, t, config).Mappings(ctx, posture.Scope{Project: hello.Project, Location: hello.Location})
				return err
			},
			"settings": func(ctx context.Context) error {
				client, err := iap.New(ctx, config)
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Settings(ctx, "organizations/1")
				return err
			},
		} {
			if kind == "of another kind" && name == "settings" || kind != "of another kind" && name == "domain mappings" {
				continue // the former have no kind, and the latter may name none
			}
			if err := read(t.Context()); fault.Of(err).Kind != fault.Unavailable {
				t.Errorf("%s, answered with an object %s: %v, want it unread", name, kind, err)
			}
		}
	}
}

func services(ctx context.Context, t *testing.T, config connect.Config) *run.Client {
	t.Helper()
	client, err := run.New(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
