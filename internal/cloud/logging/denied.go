package logging

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
)

// Refused returns the latest requests that Cloud Run's invoker check refused since a time:
// one that it did not let in, one whose token it could not verify, each where there is
// one. These are two calls, and each asks for one entry. Requests at the run.app address,
// which strangers make, count as not let in only if direct is set: IAP guards that address
// itself then.
func (c *Client) Refused(
	ctx context.Context, target posture.Target, since time.Time, direct bool,
) ([]refusal.Request, error) {
	var found []refusal.Request
	for _, filter := range []string{
		logfilter.Refusals(target, since, direct), logfilter.ForeignTokens(target, since),
	} {
		newest, err := c.requests(ctx, target.Project, filter)
		if err != nil {
			return nil, fmt.Errorf("reading the request log of %q: %w", target.Service, err)
		}
		found = append(found, newest...)
	}
	return found, nil
}

// answers are the statuses by which IAP refuses, one group for each refusal.Kind: each is
// asked for by itself, so that nobody hides one by causing many others.
var answers = [][]string{{"500", "502"}, {"403"}, {"401"}}

// RefusedByIAP returns the latest requests to these backend services of a project that IAP
// answered since a time: one that it failed at, one that it refused, one without
// credentials, each where there is one. These are three calls, and each asks for one
// entry. A load balancer logs nothing unless its backend service has logging on.
func (c *Client) RefusedByIAP(
	ctx context.Context, project string, backends []string, since time.Time,
) ([]refusal.Request, error) {
	var found []refusal.Request
	for _, statuses := range answers {
		newest, err := c.requests(ctx, project, logfilter.IAPAnswers(backends, statuses, since))
		if err != nil {
			return nil, fmt.Errorf("reading the load balancers' request log of %q: %w", project, err)
		}
		found = append(found, newest...)
	}
	return found, nil
}

// Answered returns the latest 403 of the application itself since a time, nil when
// there is none: it lacks Cloud Run's own text. It is one call.
func (c *Client) Answered(ctx context.Context, target posture.Target, since time.Time) (*refusal.Request, error) {
	newest, err := c.requests(ctx, target.Project, logfilter.AppDenials(target, since))
	if err != nil || len(newest) == 0 {
		return nil, wrap(err, target.Service)
	}
	return &newest[0], nil
}

func wrap(err error, service string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading the request log of %q: %w", service, err)
}

// requests returns the newest request that a filter selects, if there is one. It is one call.
func (c *Client) requests(ctx context.Context, project, filter string) ([]refusal.Request, error) {
	answer, err := c.list(ctx, &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, Filter: filter, OrderBy: "timestamp desc", PageSize: 1,
	})
	if err != nil {
		return nil, err
	}
	var found []refusal.Request
	for _, entry := range answer.Entries {
		if entry.HttpRequest != nil {
			found = append(found, symptom(entry))
		}
	}
	return found, nil
}

// symptom reads one entry. What cannot be read stays empty, which means unknown.
func symptom(entry *logging.LogEntry) refusal.Request {
	at, _ := time.Parse(time.RFC3339Nano, entry.Timestamp)
	found := refusal.Request{
		Log: refusal.CloudRunLog, Status: int(entry.HttpRequest.Status), Text: entry.TextPayload,
		URL: posture.BareURL(entry.HttpRequest.RequestUrl), UserAgent: entry.HttpRequest.UserAgent, At: at,
	}
	if entry.Resource == nil {
		return found
	}
	found.Revision = entry.Resource.Labels["revision_name"]
	if slices.Contains(refusal.LoadBalancerTypes(), entry.Resource.Type) {
		found.Log, found.Text = refusal.LoadBalancerLog, wordOf(entry)
	}
	return found
}

// wordOf is how a load balancer's log says that IAP answered.
func wordOf(entry *logging.LogEntry) string {
	var payload struct{ StatusDetails, ProxyStatus string }
	_ = json.Unmarshal(entry.JsonPayload, &payload) // what is not text says nothing
	return cmp.Or(refusal.IAPWord(payload.StatusDetails, payload.ProxyStatus), payload.StatusDetails)
}
