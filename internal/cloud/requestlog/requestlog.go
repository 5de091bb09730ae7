// Package requestlog finds refused requests in Cloud Run's request log.
package requestlog

import (
	"context"
	"fmt"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client reads from Cloud Logging.
type Client struct{ entries *logging.EntriesService }

// New connects to Cloud Logging.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.Logging)
	if err != nil {
		return nil, err
	}
	api, err := logging.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Logging: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Entries}, nil
}

// Refused gives the latest request that Cloud Run's invoker check refused since
// a time, nil when there is none. It is one call, and asks for one entry.
// Requests at the run.app address, which strangers make, are passed over unless
// direct is set: IAP guards that address itself then.
func (c *Client) Refused(ctx context.Context, target posture.Target, since time.Time, direct bool) (*posture.Symptom, error) {
	filter := refusal
	if !direct {
		filter += "\n-httpRequest.requestUrl:\".run.app/\""
	}
	return c.latest(ctx, target, since, filter)
}

// Answered gives the latest 403 of the application itself since a time, nil when
// there is none: Cloud Run's text is what it lacks. It is one call.
func (c *Client) Answered(ctx context.Context, target posture.Target, since time.Time) (*posture.Symptom, error) {
	return c.latest(ctx, target, since, "-"+refusal)
}

// refusal is the text of Cloud Run's invoker check: see posture.RefusedByIAM.
const refusal = `textPayload:("request was not authenticated" OR "not authorized to invoke")`

// latest gives the newest 403 of a service that a filter selects.
func (c *Client) latest(ctx context.Context, target posture.Target, since time.Time, filter string) (*posture.Symptom, error) {
	filter = fmt.Sprintf(`logName="projects/%s/logs/run.googleapis.com%%2Frequests"
resource.type="cloud_run_revision"
resource.labels.service_name=%q
resource.labels.location=%q
httpRequest.status=403
timestamp>=%q
%s`, target.Project, target.Service, target.Location, since.UTC().Format(time.RFC3339), filter)
	answer, err := c.entries.List(&logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + target.Project}, Filter: filter, OrderBy: "timestamp desc", PageSize: 1,
	}).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("reading the request log of %q: %w", target.Service, connect.Needing("logging.logEntries.list", err))
	}
	if len(answer.Entries) == 0 || answer.Entries[0].HttpRequest == nil {
		return nil, nil
	}
	return symptom(answer.Entries[0]), nil
}

// symptom reads one entry. What cannot be read stays empty, and is then unknown
// to whoever judges it.
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
