package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/monitoring"
	"github.com/iapguard/iapguard/internal/timeout"
)

// queuesStatus is what waits in the subscriptions of a deployment, as Cloud Monitoring counts it.
// Who types the command reads it: the function needs no permission for it, and where messages
// wait it may be what does not answer.
type queuesStatus struct {
	// Subscriptions are those that Cloud Monitoring has a sample of.
	Subscriptions []queueStatus `json:"subscriptions,omitempty"`
	// Unread says of what it is not known, and why.
	Unread []string `json:"unread,omitempty"`
}

type queueStatus struct {
	Subscription string `json:"subscription"`
	// Messages are not acknowledged, and OldestSeconds is the age of the oldest of them; absent =
	// not known.
	Messages      *int64    `json:"messages,omitempty"`
	OldestSeconds *int64    `json:"oldestSeconds,omitempty"`
	At            time.Time `json:"at"` // of the sample
}

// waits reports whether messages wait, as far as that is known.
func (q queueStatus) waits() bool {
	return q.Messages != nil && *q.Messages > 0 || q.Messages == nil && q.OldestSeconds != nil && *q.OldestSeconds > 0
}

// everywhere are the endings of subscriptions that every deployment has, and elsewhere those of
// others that it may have. Source: deploy/terraform/modules, core and reports.
var (
	everywhere = []string{"events", "work", "commands", "dead-letters"}
	elsewhere  = []string{"refused", "refused-dead-letters", "reports-bigquery", "reports-evidence"}
)

// queuesPatience bounds how long Cloud Monitoring may take.
const queuesPatience = 10 * time.Second

// queues reads what waits. A failure hides nothing else.
func (r *recipient) queues(ctx context.Context) queuesStatus {
	project, prefix := r.found.target.Project, r.found.target.Service+"-"
	if name, is := strings.CutSuffix(r.deployed.Variables["IAPGUARD_WORK_TOPIC"], "-work"); is {
		project, prefix = strings.Split(name+"//", "/")[1], path.Base(name)+"-"
	}
	ctx, cancel := timeout.With(ctx, clockwork.NewRealClock(), queuesPatience, "Cloud Monitoring")
	defer cancel()
	found, err := r.cloud.Backlogs(ctx, monitoring.Subscriptions{Project: project, Prefix: prefix,
		Endings: slices.Concat(everywhere, elsewhere)})
	if err != nil {
		return queuesStatus{Unread: []string{err.Error()}}
	}
	var read queuesStatus
	known := map[string]bool{}
	for _, one := range found {
		known[one.Subscription] = true
		read.Subscriptions = append(read.Subscriptions, queueOf(one))
	}
	var missing []string
	for _, ending := range everywhere {
		if !known[prefix+ending] {
			missing = append(missing, prefix+ending)
		}
	}
	if len(missing) > 0 {
		read.Unread = append(read.Unread, fmt.Sprintf("Cloud Monitoring has no sample of %s in project %s",
			strings.Join(missing, ", "), project))
	}
	return read
}

func queueOf(one monitoring.Backlog) queueStatus {
	queue := queueStatus{Subscription: one.Subscription, Messages: one.Messages, At: one.At.UTC()}
	if one.Oldest != nil {
		seconds := int64(one.Oldest.Seconds())
		queue.OldestSeconds = &seconds
	}
	return queue
}

// lines are the subscriptions in which messages wait.
func (q queuesStatus) lines(now time.Time) []line {
	var waiting []queueStatus
	var at time.Time // of the oldest sample
	for _, one := range q.Subscriptions {
		if one.waits() {
			waiting = append(waiting, one)
		}
		if at.IsZero() || one.At.Before(at) {
			at = one.At
		}
	}
	var lines []line
	switch {
	case len(waiting) > 0:
		lines = append(lines, textLine("queues, as of %s:", since(at, now)))
	case len(q.Subscriptions) > 0:
		lines = append(lines, textLine("queues, as of %s: nothing waits in %s", since(at, now),
			counted(len(q.Subscriptions), "subscription")))
	}
	for _, one := range waiting {
		messages, age := "messages", "for how long is not known"
		if one.Messages != nil {
			messages = counted(int(*one.Messages), "message")
		}
		if one.OldestSeconds != nil {
			age = "the oldest for " + ago(time.Duration(*one.OldestSeconds)*time.Second)
		}
		text := fmt.Sprintf("%s: %s, %s", one.Subscription, messages, age)
		if strings.HasSuffix(one.Subscription, "dead-letters") {
			lines = append(lines, alarm("", text))
			continue
		}
		lines = append(lines, textLine("  %s", text))
	}
	for _, what := range q.Unread {
		lines = append(lines, alarm("", "not known: what waits in the queues: "+what))
	}
	return lines
}
