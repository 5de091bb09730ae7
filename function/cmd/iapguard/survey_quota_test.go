package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// hurried is a clock that runs so many times as fast as the machine's. What bounds a call, which
// AfterFunc does, runs as long as on the machine's.
type hurried struct {
	clockwork.Clock
	began time.Time
	times time.Duration
}

func (h hurried) Now() time.Time { return h.began.Add(h.times * h.Clock.Since(h.began)) }

func (h hurried) Since(t time.Time) time.Duration { return h.Now().Sub(t) }

func (h hurried) After(d time.Duration) <-chan time.Time { return h.Clock.After(d / h.times) }

func (h hurried) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-h.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// surveying is a session on a clock.
func surveying(t *testing.T, endpoint string, clock hurried) *session {
	t.Helper()
	config := function.Config{Clock: clock, Connect: connect.Config{Endpoint: endpoint, Clock: clock, Sleep: clock.sleep}}
	clients, err := cloud.Connect(t.Context(), config.Connect, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := function.NewEngine(clients, config, function.Wiring{Publisher: unpublished{}, Log: slog.New(slog.DiscardHandler),
		Policy: func() reconcile.Policy { return policy.Policy{} }})
	if err != nil {
		t.Fatal(err)
	}
	return &session{engine: engine, cloud: clients, stderr: io.Discard}
}

// The quota of one project refuses every call. What can be read of the others is read, and the
// calls that the project gets are bounded.
func TestAQuotaThatNeverRecoversEndsItsProjectAlone(t *testing.T) {
	o, _ := departments(t)
	other := "projects/other-project/locations/us-central1/services/"
	for i := range 20 {
		o.CallAs(o.Owner(), http.MethodPost, fmt.Sprintf("/v2/%s?serviceId=more-%02d", strings.TrimSuffix(other, "/"), i),
			map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": "us-docker.pkg.dev/x/y/z"}}}})
	}
	for _, api := range []string{"run", "compute"} {
		t.Run(api, func(t *testing.T) {
			o.SetFaults(`[{"action":"status","method":"` + api + `.*","resource":"projects/other-project","status":429}]`)
			session := surveying(t, o.URL(), hurried{clockwork.NewRealClock(), time.Now(), 60})
			before := len(o.Calls())
			var rows []audited
			far, err := session.survey(t.Context(), surveyOptions{command: "audit"}, []policy.Hold{{Above: theOrganization}}, func(one looked) {
				rows = append(rows, newAudited(one.target.Name(), one.final, one.err))
			})
			if err != nil {
				t.Fatal(err)
			}
			unread, read := map[string]string{}, []string{}
			for _, row := range rows {
				if why := row.notRead(); why != "" {
					unread[row.Service] = why
				} else {
					read = append(read, row.Service)
				}
			}
			for place, why := range far.unlisted {
				unread[place] = why.Error()
			}
			slices.Sort(read)
			want := []string{deepService, playground.Scenario[0].Name()}
			if diff := cmp.Diff(want, read); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if api == "run" && len(unread) != 1 || api == "compute" && len(unread) != 21 {
				t.Errorf("not read: %q", slices.Sorted(maps.Keys(unread)))
			}
			for place, why := range unread {
				if !strings.Contains(strings.ToLower(why), "quota") {
					t.Errorf("%s: %s, want that the quota takes no call", place, why)
				}
			}
			if calls := len(o.Calls()) - before; calls > 500 {
				t.Errorf("%d calls, want at most 500", calls)
			}
		})
	}
}
