package logging

import (
	"context"
	"fmt"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
)

// Refused returns the latest request that Cloud Run's invoker check refused since
// a time, nil when there is none. It is one call, and asks for one entry.
// Requests at the run.app address, which strangers make, are left out unless
// direct is set: IAP guards that address itself then.
func (c *Client) Refused(
	ctx context.Context, target posture.Target, since time.Time, direct bool,
) (*posture.Symptom, error) {
	return c.newest(ctx, target, logfilter.Refusals(target, since, direct))
}

// Answered returns the latest 403 of the application itself since a time, nil when
// there is none: it lacks Cloud Run's own text. It is one call.
func (c *Client) Answered(ctx context.Context, target posture.Target, since time.Time) (*posture.Symptom, error) {
	return c.newest(ctx, target, logfilter.AppDenials(target, since))
}

// newest returns the newest request of a service that a filter selects.
func (c *Client) newest(ctx context.Context, target posture.Target, filter string) (*posture.Symptom, error) {
	answer, err := c.list(ctx, &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + target.Project}, Filter: filter, OrderBy: "timestamp desc", PageSize: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the request log of %q: %w", target.Service, err)
	}
	if len(answer.Entries) == 0 || answer.Entries[0].HttpRequest == nil {
		return nil, nil
	}
	return symptom(answer.Entries[0]), nil
}

// symptom reads one entry. What cannot be read stays empty, which means unknown.
func symptom(entry *logging.LogEntry) *posture.Symptom {
	at, _ := time.Parse(time.RFC3339Nano, entry.Timestamp)
	found := &posture.Symptom{
		Log: posture.CloudRunLog, Status: int(entry.HttpRequest.Status), Text: entry.TextPayload,
		URL: posture.BareURL(entry.HttpRequest.RequestUrl), UserAgent: entry.HttpRequest.UserAgent, At: at,
	}
	if entry.Resource != nil {
		found.Revision = entry.Resource.Labels["revision_name"]
	}
	return found
}
