package monitoring

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	monitoring "google.golang.org/api/monitoring/v3"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// Backlog is what a subscription has that is not acknowledged, as the last sample says.
type Backlog struct {
	Subscription string // its id
	// Messages and Oldest, the age of the oldest message, are nil where they are not known.
	Messages *int64
	Oldest   *time.Duration
	At       time.Time // of the older one of the samples
}

// The metrics of a backlog. Source: monitoring/api/metrics_gcp_p_z, pubsub.
const (
	undelivered   = "pubsub.googleapis.com/subscription/num_undelivered_messages"
	oldestUnacked = "pubsub.googleapis.com/subscription/oldest_unacked_message_age"
)

// sampled is how far back a sample may be: one is taken each minute, and shows within two.
const sampled = 10 * time.Minute

// Subscriptions are those of a deployment: whose ids are the prefix and one of the endings, and
// those of Eventarc's triggers whose names begin with the prefix, as the alert about late
// deliveries names them.
type Subscriptions struct {
	Project, Prefix string
	Endings         []string
}

// Backlogs reads the backlogs of subscriptions. One that has no sample is left out.
func (c *Client) Backlogs(ctx context.Context, of Subscriptions, now time.Time) ([]Backlog, error) {
	project, quoted := of.Project, regexp.QuoteMeta(of.Prefix)
	named := fmt.Sprintf("%s(%s)|eventarc-[a-z0-9-]*%s.*", quoted, strings.Join(of.Endings, "|"), quoted)
	found := map[string]*Backlog{}
	for _, metric := range []string{undelivered, oldestUnacked} {
		var pages connect.Pages
		list := c.series.List("projects/" + project).PageSize(1000).
			Filter(fmt.Sprintf("metric.type = %q AND resource.type = \"pubsub_subscription\" AND "+
				"resource.labels.subscription_id = monitoring.regex.full_match(%q)", metric, named)).
			IntervalStartTime(now.Add(-sampled).UTC().Format(time.RFC3339)).IntervalEndTime(now.UTC().Format(time.RFC3339))
		err := list.Pages(ctx, func(page *monitoring.ListTimeSeriesResponse) error {
			for _, each := range page.TimeSeries {
				take(found, metric, each)
			}
			return pages.Next(page.NextPageToken, "time series", project)
		})
		if err != nil {
			return nil, fmt.Errorf("reading what waits in the subscriptions of %q: %w", project,
				connect.Needing("monitoring.timeSeries.list", err))
		}
	}
	var all []Backlog
	for _, each := range found {
		all = append(all, *each)
	}
	slices.SortFunc(all, func(a, b Backlog) int { return strings.Compare(a.Subscription, b.Subscription) })
	return all, nil
}

// take keeps the latest sample of a series.
func take(found map[string]*Backlog, metric string, series *monitoring.TimeSeries) {
	if series.Resource == nil || len(series.Points) == 0 {
		return
	}
	latest := series.Points[0] // newest first
	if latest.Value == nil || latest.Value.Int64Value == nil || latest.Interval == nil {
		return
	}
	at, err := time.Parse(time.RFC3339Nano, latest.Interval.EndTime)
	if err != nil {
		return
	}
	id := series.Resource.Labels["subscription_id"]
	one := found[id]
	if one == nil {
		one = &Backlog{Subscription: id, At: at}
		found[id] = one
	}
	if at.Before(one.At) {
		one.At = at
	}
	value := *latest.Value.Int64Value
	if metric == undelivered {
		one.Messages = &value
		return
	}
	age := time.Duration(value) * time.Second
	one.Oldest = &age
}
