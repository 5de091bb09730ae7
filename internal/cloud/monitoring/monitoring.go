// Package monitoring reads Cloud Monitoring: how load balancers answered requests, as their
// own metric counts it. That metric needs no log. It distinguishes statuses, and not who
// answered with them: an application's 403 looks like IAP's, and a person who is entitled
// looks like a stranger. Requests from the client's network that never arrive are not in it.
package monitoring

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	monitoring "google.golang.org/api/monitoring/v3"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/traffic"
)

// Client reads from Cloud Monitoring.
type Client struct {
	series *monitoring.ProjectsTimeSeriesService
}

// New connects to Cloud Monitoring.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.Monitoring)
	if err != nil {
		return nil, err
	}
	api, err := monitoring.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Monitoring: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Projects.TimeSeries}, nil
}

// kind is what the load balancers of one project have in common that one question can be
// about.
type kind struct{ project, metric string }

// kindOf is the kind of a way's load balancer.
// Source: load-balancing/docs/metrics, the table of metric paths.
func kindOf(way traffic.Way) kind {
	path := "https"
	switch _, rest := projectOf(way.Rule); {
	case way.Internal:
		path = "https/internal"
	case !strings.HasPrefix(rest, "global/"):
		path = "https/external/regional"
	}
	project, _ := projectOf(way.Rule)
	return kind{project, "loadbalancing.googleapis.com/" + path + "/request_count"}
}

func projectOf(resource string) (project, rest string) {
	_, rest, _ = strings.Cut(resource, "projects/")
	project, rest, _ = strings.Cut(rest, "/")
	return project, rest
}

// mostWays bounds how many ways one question names.
const mostWays = 50

// Answers counts how requests that came by these ways were answered between two times,
// which are whole minutes: Google samples once a minute.
func (c *Client) Answers(ctx context.Context, ways []traffic.Way, from, to time.Time) ([]traffic.Answer, error) {
	if len(ways) > mostWays {
		return nil, fault.New(fault.Invalid, "load balancers lead to the service by more than %d ways", mostWays)
	}
	byKind := map[kind][]traffic.Way{}
	var kinds []kind
	for _, way := range ways {
		of := kindOf(way)
		if byKind[of] == nil {
			kinds = append(kinds, of)
		}
		byKind[of] = append(byKind[of], way)
	}
	var answers []traffic.Answer
	for _, of := range kinds {
		found, err := c.ofKind(ctx, of, byKind[of], span{from, to})
		if err != nil {
			return nil, fmt.Errorf("reading how the load balancers of %q answered: %w", of.project,
				connect.Needing("monitoring.timeSeries.list", err))
		}
		answers = append(answers, found...)
	}
	return answers, nil
}

type span struct{ from, to time.Time }

// ofKind counts the answers of load balancers of one kind, in one period. Names are the last
// parts of resource names: a forwarding rule of another region with the same names counts
// as well, which never makes less of what somebody relies on.
func (c *Client) ofKind(ctx context.Context, of kind, ways []traffic.Way, in span) ([]traffic.Answer, error) {
	named := map[[2]string]traffic.Way{}
	var rules, backends []string
	for _, way := range ways {
		rule, backend := last(way.Rule), last(way.Backend)
		named[[2]string{rule, backend}] = way
		rules, backends = append(rules, strconv.Quote(rule)), append(backends, strconv.Quote(backend))
	}
	var answers []traffic.Answer
	var pages connect.Pages
	list := c.series.List("projects/"+of.project).PageSize(1000).
		Filter(fmt.Sprintf("metric.type = %q AND resource.labels.forwarding_rule_name = one_of(%s) AND "+
			"resource.labels.backend_target_name = one_of(%s)", of.metric, strings.Join(rules, ", "), strings.Join(backends, ", "))).
		IntervalStartTime(in.from.UTC().Format(time.RFC3339)).IntervalEndTime(in.to.UTC().Format(time.RFC3339)).
		AggregationAlignmentPeriod(fmt.Sprintf("%ds", int64(in.to.Sub(in.from).Seconds()))).
		AggregationPerSeriesAligner("ALIGN_DELTA").AggregationCrossSeriesReducer("REDUCE_SUM").
		AggregationGroupByFields("resource.labels.forwarding_rule_name", "resource.labels.backend_target_name",
			"metric.labels.response_code")
	err := list.Pages(ctx, func(page *monitoring.ListTimeSeriesResponse) error {
		for _, each := range page.TimeSeries {
			if answer, ok := answerOf(each); ok {
				answer.Way = named[[2]string{each.Resource.Labels["forwarding_rule_name"],
					each.Resource.Labels["backend_target_name"]}]
				if answer.Way.Rule != "" {
					answers = append(answers, answer)
				}
			}
		}
		return pages.Next(page.NextPageToken, "time series", of.project)
	})
	return answers, err
}

// answerOf reads one series: how many requests were answered with its status.
func answerOf(series *monitoring.TimeSeries) (traffic.Answer, bool) {
	if series.Metric == nil || series.Resource == nil {
		return traffic.Answer{}, false
	}
	status, err := strconv.Atoi(series.Metric.Labels["response_code"])
	answer := traffic.Answer{Status: status}
	for _, point := range series.Points {
		if point.Value != nil && point.Value.Int64Value != nil {
			answer.Requests += *point.Value.Int64Value
		}
	}
	return answer, err == nil && answer.Requests > 0
}

func last(name string) string { return name[strings.LastIndex(name, "/")+1:] }
