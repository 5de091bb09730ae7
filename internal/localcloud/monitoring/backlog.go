package monitoring

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
)

// The metrics of a subscription's backlog. Source: monitoring/api/metrics_gcp_p_z, pubsub.
const (
	oldestUnacked = "pubsub.googleapis.com/subscription/oldest_unacked_message_age"
	undelivered   = "pubsub.googleapis.com/subscription/num_undelivered_messages"
)

// MeasureBacklogs sets what the backlogs of subscriptions are read from.
func (m *Monitoring) MeasureBacklogs(backlogs func() []inprocess.Backlog) {
	m.backlogs = backlogs
}

// describeBacklogs makes the metrics known. The lock is held.
func (s *series) describeBacklogs() {
	for metric, shown := range map[string][3]string{
		oldestUnacked: {"s", "Oldest unacked message age", "Age (in seconds) of the oldest unacknowledged message in a subscription."},
		undelivered:   {"1", "Unacked messages", "Number of unacknowledged messages in a subscription."},
	} {
		s.descriptors[described{metric: metric}] = object{"type": metric, "metricKind": "GAUGE", "valueType": "INT64", "unit": shown[0],
			"displayName": shown[1], "description": shown[2], "launchStage": "GA",
			"metadata":               object{"samplePeriod": "60s", "ingestDelay": "120s", "launchStage": "GA"},
			"monitoredResourceTypes": []any{"pubsub_subscription"}}
	}
}

// measured are the series of the backlogs: one point each, of a time.
func (m *Monitoring) measured(at time.Time) []*one {
	if m.backlogs == nil {
		return nil
	}
	var all []*one
	for _, each := range m.backlogs() {
		_, rest, _ := strings.Cut(each.Subscription, "projects/")
		project, id, _ := strings.Cut(rest, "/subscriptions/")
		for metric, value := range map[string]int64{oldestUnacked: int64(each.Oldest.Seconds()), undelivered: int64(each.Messages)} {
			all = append(all, &one{
				metric:   object{"type": metric},
				resource: object{"type": "pubsub_subscription", "labels": object{"project_id": project, "subscription_id": id}},
				kind:     "GAUGE", valueType: "INT64",
				points: []point{{at, at, object{"int64Value": strconv.FormatInt(value, 10)}}},
			})
		}
	}
	return all
}

// every are all series that are wanted, in one order of metric and resource. Those of backlogs
// are measured, as at the beginning of the minute: a client asks for no later ones.
func (m *Monitoring) every(wanted func(*one) bool) []*one {
	measured := m.measured(m.server.Now().Truncate(samplePeriod))
	m.series.mu.Lock()
	defer m.series.mu.Unlock()
	all := maps.Clone(m.series.all)
	for _, each := range measured {
		all[each.key()] = each
	}
	maps.DeleteFunc(all, func(_ string, each *one) bool { return !wanted(each) })
	ordered := make([]*one, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		copied := *all[key]
		copied.points = slices.Clone(copied.points)
		ordered = append(ordered, &copied)
	}
	return ordered
}
