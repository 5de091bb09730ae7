package function

import (
	"context"
	"log/slog"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/telemetry"
)

// reportPublisher publishes reports and logs one structured line for each. Log-based
// metrics and alerts rest on that line (deploy/terraform/modules/monitoring). Where no topic
// is configured, the line carries the report itself, for log sinks to route.
type reportPublisher struct {
	to  reconcile.Publisher // nil = no topic
	log *slog.Logger
	// telemetry is nil when nothing is exported.
	telemetry *telemetry.Telemetry
	signer    *reportSigner // nil = reports are not signed
}

// Publish logs a report once it is stored in the topic. A report that could not be
// published is not logged: its message is delivered again.
func (p reportPublisher) Publish(ctx context.Context, r report.Report) (err error) {
	ctx, ended := p.telemetry.Begin(ctx, "publish", "outcome", string(r.Outcome))
	defer func() { ended(err) }()
	line := summary(r)
	if p.to == nil {
		line = append(line, slog.String("type", report.TypePrefix+string(r.Outcome)), slog.Any("data", r))
	} else if err = p.to.Publish(ctx, r); err != nil {
		return err
	}
	p.log.LogAttrs(ctx, slog.LevelInfo, "report", line...)
	p.signer.begin(ctx, r)
	p.measure(ctx, r)
	return nil
}

// measure counts a stored report and its steps.
func (p reportPublisher) measure(ctx context.Context, r report.Report) {
	p.telemetry.Outcome(ctx, string(r.Outcome), string(r.Mode))
	for _, step := range r.Steps {
		if step.Result != report.StepPlanned {
			p.telemetry.Step(ctx, step.Op, string(step.Result))
		}
	}
	if at := r.Cause.At; r.Outcome == report.Protected && r.Cause.Kind != string(event.CommandReceived) && at != nil {
		p.telemetry.Protected(ctx, r.ObservedAt.Sub(*at))
	}
}

// summary is what metrics and alerts use of a report. What a report does not say is
// left out, so that a filter on it matches nothing.
func summary(r report.Report) []slog.Attr {
	line := []slog.Attr{
		slog.String("id", r.ID()), slog.String("outcome", string(r.Outcome)), slog.String("exposed", string(r.Exposed)),
	}
	text := func(name, value string) {
		if value != "" {
			line = append(line, slog.String(name, value))
		}
	}
	if r.Accepted {
		line = append(line, slog.Bool("accepted", true))
	}
	text("cause", r.Cause.Kind)
	text("mode", string(r.Mode))
	if t := r.Target; t != nil {
		text("target", r.Subject())
		text("project", t.Project)
		text("location", t.Location)
		text("service", t.Service)
		text("team", t.Labels["team"])
	}
	if r.Policy != nil {
		text("rule", r.Policy.Rule)
	}
	if codes := r.Codes(); len(codes) > 0 {
		line = append(line, slog.Any("codes", codes))
	}
	if minutes, known := r.ExposedMinutes(); known {
		line = append(line, slog.Int64("exposed_minutes", minutes))
	}
	text("why", r.OpenBecause())
	if r.WaitingFor != nil {
		text("waiting_for", r.WaitingFor.What)
	}
	if minutes, known := r.WaitingMinutes(); known {
		line = append(line, slog.Int64("waiting_minutes", minutes))
	}
	if r.Contest != nil && len(r.Contest.Actors) > 0 {
		last := r.Contest.Actors[len(r.Contest.Actors)-1]
		text("actor", last.Principal)
		text("user_agent", last.UserAgent)
	}
	return line
}
