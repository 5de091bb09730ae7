package deploy

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

func TestWhatAPlatformTeamSeesOfAPlayedWeek(t *testing.T) {
	var written lines
	w := played(t, slog.New(written.handler()))
	t.Run("in BigQuery", w.views)
	t.Run("in Cloud Logging", func(t *testing.T) { w.metrics(t, written.read(t)) })
}

// step is the time between two sweeps of the played week.
const step = 3 * time.Hour

// place is a service of the week, and the team in its label.
type place struct {
	playground.LoadBalanced
	team string
}

func here(service, team string) place {
	return place{playground.LoadBalanced{Service: service, Region: "us-central1", Host: service + ".example.com"}, team}
}

var (
	hello   = here("hello", "storefront") // protected from the first minute
	billing = here("billing", "finance")  // Terraform turns IAP off again and again
	api     = here("api", "storefront")   // its load balancer comes a day late
	legacy  = here("legacy", "finance")   // exempt for longer than the week
	pilot   = here("pilot", "finance")    // exempt until the middle of the week
	trial   = here("trial", "finance")    // the same; one of the two is held by the limit then
	archive = here("archive", "records")  // exempt for two months; finance's until the last day
	tool    = here("tool", "")            // without a team, and deleted in the end
	media   = here("media", "media")      // its owner wants a CDN and public access
)

// week is a local cloud in which a week is played, and the observations of a stranger.
type week struct {
	*withfunction.Env
	t     *testing.T
	began time.Time // of the play itself, by the machine
	there []place
	open  map[string]map[string]time.Duration // by day and team
}

// played plays a whole week: a sweep every few hours, then the events of that time, and
// strangers who try every door until the next sweep.
func played(t *testing.T, log *slog.Logger) *week {
	t.Helper()
	// It begins at six, so that no midnight falls on a sweep.
	now := time.Now()
	monday := now.UTC().Truncate(day).Add(day + 6*time.Hour)
	expires := func(days int) string { return monday.AddDate(0, 0, days).Format(time.DateOnly) }
	policy := cloudtest.Policy("limits: {perProject: 1}") + "exemptions:\n"
	for _, e := range []struct {
		place
		days int
	}{{legacy, 12}, {pilot, 4}, {trial, 4}, {archive, 60}} {
		policy += fmt.Sprintf("  - {services: [%s], reason: cannot sign in, owner: %s, ticket: SEC-%d, expires: %s}\n",
			e.Name(), e.team, e.days, expires(e.days))
	}
	w := &week{Env: withfunction.Start(t, withfunction.Options{Policy: policy, Log: log,
		Heartbeats: []string{"projects/" + playground.Project}}), t: t, began: time.Now(),
		open: map[string]map[string]time.Duration{}}
	w.Later(monday.Sub(now))
	for at := time.Duration(0); at < 7*day; at += step {
		w.sweep(at)
		w.happens(at)
		w.watch()
	}
	w.sweep(7 * day)
	w.SetFaults(`[` + unread("run.projects.locations.services.get") + `]`)
	w.sweep(7 * day) // sees nothing
	return w
}

// happens has all events between the sweeps.
func (w *week) happens(at time.Duration) {
	w.t.Helper()
	switch at {
	case 0:
		for _, p := range []place{hello, billing, legacy, pilot, trial, archive, media} {
			w.appears(p)
			w.Balance(p.LoadBalanced)
		}
	case 1 * step:
		w.appears(api)
	case 1*day - 2*step: // long after the last sweep, and fixed at once
		w.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=ingress,invokerIamDisabled",
			map[string]any{"ingress": "INGRESS_TRAFFIC_ALL", "invokerIamDisabled": true})
	case 1*day + 2*step:
		w.Balance(api.LoadBalanced)
	case 4 * day:
		w.appears(tool)
	case 5 * day:
		w.Call(http.MethodDelete, "/v2/"+tool.Name(), nil)
		w.there = w.there[:len(w.there)-1]
		// From now on nothing shows since when a load balancer's door is open.
		w.SetFaults(`[` + unread("logging.entries.list") + `]`)
	case 5*day + 4*step: // one sweep that sees nothing at all
		w.SetFaults(`[` + unread("logging.entries.list") + `,` + unread("run.projects.locations.services.get") + `]`)
	case 5*day + 5*step:
		w.SetFaults(`[` + unread("logging.entries.list") + `]`)
	case 6*day + 4*step:
		w.SetFaults(`[]`)
		w.Call(http.MethodPatch, "/v2/"+archive.Name()+"?updateMask=labels",
			map[string]any{"labels": map[string]any{"team": archive.team}})
		// The first delivery of the next sweep fails.
		w.SetFaults(
			fmt.Sprintf(
				`[{"action":"status","status":503,"method":"run.projects.locations.services.list","principal":"serviceAccount:%s","times":6}]`, playground.FunctionAccount))
	case 1*day + 4*step:
		w.Call(http.MethodPatch, backendOf(media), map[string]any{"enableCDN": true, "iap": map[string]any{"enabled": false}})
		w.opens(media)
	case 6*day + 6*step:
		w.Call(http.MethodPatch, backendOf(media), map[string]any{"enableCDN": false})
	}
	// For a day and a half Terraform is applied as often as sweeps run.
	if at >= 2*day && at < 3*day+4*step {
		terraform := playground.Client{URL: w.URL(), Caller: playground.Developer,
			UserAgent: "Terraform/1.13 terraform-provider-google/7.12.0"}
		w.CallAs(terraform, http.MethodPatch, backendOf(billing), map[string]any{"iap": map[string]any{"enabled": false}})
	}
	w.rest()
}

// appears deploys a service, public, with its team's label.
func (w *week) appears(p place) {
	w.t.Helper()
	body := map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}}}
	if p.team != "" {
		body["labels"] = map[string]any{"team": strings.Replace(p.team, archive.team, legacy.team, 1), "cost-centre": "4711"}
	}
	w.Call(http.MethodPost, strings.TrimSuffix("/v2/"+p.Name(), "/"+p.Service)+"?serviceId="+p.Service, body)
	w.opens(p)
	w.there = append(w.there, p)
}

func (w *week) opens(p place) {
	w.t.Helper()
	w.Call(http.MethodPost, "/v2/"+p.Name()+":setIamPolicy", map[string]any{
		"policy": map[string]any{"bindings": []any{
			map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}},
	})
}

func backendOf(p place) string {
	return "/compute/v1/projects/" + playground.Project + "/global/backendServices/" + p.Backend()
}

// unread returns a fault that refuses a call only to the function.
func unread(method string) string {
	return fmt.Sprintf(`{"action":"status","status":403,"method":%q,"principal":"serviceAccount:%s"}`, method,
		playground.FunctionAccount)
}

// sweep runs Cloud Scheduler's sweep, except for half a day in which it is paused.
func (w *week) sweep(at time.Duration) {
	w.t.Helper()
	if at > 1*day-5*step && at < 1*day-step {
		return
	}
	w.Publish(playground.CommandsTopic, `{"command":"due"}`)
	w.Publish(playground.CommandsTopic, `{"command":"sweep"}`)
	if at%day == 0 {
		w.Publish(playground.CommandsTopic, `{"command":"digest"}`)
	}
	w.rest()
}

func (w *week) rest() {
	w.Cloud.Settle()
	w.Idle()
}

// watch tries each door as a stranger, and advances the clock to the next sweep.
func (w *week) watch() {
	w.t.Helper()
	from := w.Now()
	var teams []string
	for _, p := range w.there {
		if w.Ask(w.DefaultURL(p.LoadBalanced), "") == http.StatusOK || w.Ask(p.Host, "") == http.StatusOK {
			teams = append(teams, p.team)
		}
	}
	w.Later(step)
	until := w.Now()
	for at := from.UTC(); at.Before(until); {
		midnight := at.Truncate(day).Add(day)
		date, end := at.Format(time.DateOnly), midnight
		if until.Before(end) {
			end = until
		}
		for _, team := range teams {
			if w.open[date] == nil {
				w.open[date] = map[string]time.Duration{}
			}
			w.open[date][team] += end.Sub(at)
		}
		at = end
	}
}
