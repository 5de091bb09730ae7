package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/traffic"
)

// A redeploy needs two witnesses of the same refusal. The first is the request log. Every
// container of the project, and everybody who may write log entries there, can write one
// that looks like Cloud Run's. The second is the load balancer's own metric, which only
// requests add to. Cloud Run's own metric is none: run.googleapis.com/request_count leaves
// out what the invoker check refuses (*unverified*; monitoring/api/metrics_gcp_p_z, "requests
// reaching the revision").
//
// The metric distinguishes statuses, not who answered. An attacker who writes the entry and
// also causes a 403 at the same address, such as one of IAP's, has both witnesses. What is
// left is the limit: one redeploy an hour and three a day.
const (
	// around is how long before and after the refused request a 403 counts as the same
	// trouble. Where visitors are refused all the time, the newest request in the log is not
	// counted yet, and those before it are. A forged entry that is waited for, and keeps
	// others from being looked into meanwhile, is confirmed by the true refusals after it.
	around = 10 * time.Minute
	// counted is after what time the count of a request shows. A minute is sampled at its
	// end, and shows up to 210 seconds later: that is what descriptions of the metric say
	// with 90 seconds for some kinds of load balancers (monitoring/api/metrics_gcp,
	// loadbalancing; *unverified*). The rest is for a slow request.
	counted = 5 * time.Minute
)

// Question is what the second witness is asked: how many requests were answered with 403
// at these ways, from one whole minute to another.
type Question struct {
	Ways     []traffic.Way
	From, To time.Time
}

// Counted is the second witness's answer.
type Counted struct {
	Forbidden int64           // requests that were answered with 403
	Unread    *posture.Unread // why that is not known, nil = it is
}

// question asks about the ways by which the refused request can have come, in the minutes
// around it. What was refused before the grant held everywhere, or by an earlier revision,
// is not asked about.
func (e Evidence) question(now time.Time) Question {
	at := e.Symptom.At
	from := at.Add(-around)
	for _, clock := range []time.Time{e.heldSince(), e.Rollout.Serving.CreatedAt} {
		if clock.After(from) {
			from = clock
		}
	}
	q := Question{From: from.Truncate(time.Minute), To: at.Truncate(time.Minute).Add(around)}
	until := now.Truncate(time.Minute)
	if now.Before(at.Add(counted)) {
		// This minute may be counted in part already. Whether Google takes an end in the
		// future is *unverified*; where it does not, the count is asked again.
		until = until.Add(time.Minute)
	}
	if until.Before(q.To) {
		q.To = until
	}
	if latest := q.To.Add(-time.Minute); q.From.After(latest) {
		q.From = latest
	}
	host := e.Symptom.Host()
	for _, backend := range e.Posture.Backends {
		if e.Symptom.AtDefaultURL() || !asksIAP(backend) && !e.Posture.Service.IAPOn {
			continue
		}
		backend.Frontends = slices.DeleteFunc(slices.Clone(backend.Frontends), func(f posture.Frontend) bool {
			return !leads(posture.Backend{Frontends: []posture.Frontend{f}}, host)
		})
		ways, _ := traffic.WaysTo(backend)
		q.Ways = append(q.Ways, ways...)
	}
	return q
}

// oneWitness keeps a redeploy from resting on the request log alone. It has the load
// balancer's own count asked for, waits until that shows the refused request, and where it
// does not, leaves the redeploy to a person.
func oneWitness(e Evidence, now time.Time) *Diagnosis {
	q, shows := e.question(now), e.Symptom.At.Add(counted)
	found := &Diagnosis{Verdict: Unconfirmed, Remedy: Advise}
	alone := "by the request log, revision " + e.Rollout.Serving.Name + " refuses IAP's agent; "
	switch c := e.Counted; {
	case len(q.Ways) == 0:
		found.Why = alone + "the request came to the service's own address, where no load balancer counts it"
	case c == nil:
		found.Remedy, found.Asks = Confirm, &q
		found.Why = alone + "the load balancer's own count is to be asked"
	case c.Unread == nil && c.Forbidden > 0:
		return nil
	case (c.Unread == nil || c.Unread.Permission == "") && now.Before(shows):
		found.Remedy, found.Until = Wait, shows
		found.Why = alone + "the load balancer's own count, which may take until " + stamp(shows) + ", does not show it yet"
		if c.Unread != nil {
			found.Why = alone + "the load balancer's own count is asked again at " + stamp(shows) + ": " + c.Unread.Why
		}
	case c.Unread != nil:
		found.Why = alone + "the load balancer's own count, the second witness, is not known: " + c.Unread.Why
		found.Advice = []string{"grant iapguard's service account the permission " +
			cmp.Or(c.Unread.Permission, "monitoring.timeSeries.list") + " in the load balancer's project"}
	default:
		found.Why = fmt.Sprintf("%sthe load balancer itself, the second witness, counted no 403 from %s to %s", alone,
			stamp(q.From), stamp(q.To))
		found.Advice = []string{"find out who writes such log entries, unless visitors are refused"}
	}
	if found.Remedy == Advise {
		found.Advice = append(found.Advice, "if visitors are refused, "+redeploy(e.Posture.Target))
	}
	return found
}

func (c Counted) text(q Question) string {
	if c.Unread != nil {
		return "unknown: " + c.Unread.Why
	}
	return fmt.Sprintf("requests answered with 403 from %s to %s: %d", stamp(q.From), stamp(q.To), c.Forbidden)
}
