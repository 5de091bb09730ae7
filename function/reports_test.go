package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

type publisher func(report.Report) error

func (p publisher) Publish(_ context.Context, r report.Report) error { return p(r) }

// lineOf is what is logged about a report, without what every line has.
func lineOf(t *testing.T, p reportPublisher, r report.Report) map[string]any {
	t.Helper()
	var written bytes.Buffer
	p.log = slog.New(slog.NewJSONHandler(&written, nil))
	if err := p.Publish(t.Context(), r); err != nil && written.Len() > 0 {
		t.Errorf("the report was not published (%v), and is logged: %s", err, &written)
	}
	if written.Len() == 0 {
		return nil
	}
	line := map[string]any{}
	if err := json.Unmarshal(written.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, &written)
	}
	delete(line, "time")
	return line
}

func TestEachPublishedReportIsLoggedOnOneLine(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	hourAgo, dayAgo := now.Add(-time.Hour), now.Add(-24*time.Hour)
	hello := &report.Target{
		Project: "demo-project", Location: "us-central1", Service: "hello",
		Labels: map[string]string{"team": "shop", "cost": "1"},
	}
	const target = "projects/demo-project/locations/us-central1/services/hello"
	stored := reportPublisher{to: publisher(func(report.Report) error { return nil })}
	for _, tc := range []struct {
		name string
		p    reportPublisher
		r    report.Report
		want map[string]any
	}{
		{"everything", stored, report.Report{
			ObservedAt: now, Target: hello, Outcome: report.Contested, Mode: policy.Enforce,
			Policy: &report.Policy{Rule: "shops"},
			Cause:  report.Cause{Kind: "command", Key: "k"}, Exposed: door.Yes, ExposedSince: &hourAgo,
			Findings:   []report.Finding{{Code: "IAP_OFF"}, {Code: "IAP_OFF"}, {Code: "PUBLIC_INVOKER"}},
			WaitingFor: &report.WaitingFor{What: "a load balancer", Since: &dayAgo},
			Contest: &report.Contest{Actors: []report.Actor{
				{Principal: "a@example.com"}, {Principal: "b@example.com", UserAgent: "Terraform/1.13"},
			}},
		}, map[string]any{
			"outcome": "contested", "exposed": "yes", "cause": "command", "mode": "enforce", "rule": "shops",
			"target": target, "project": "demo-project", "location": "us-central1", "service": "hello", "team": "shop",
			"codes": []any{"IAP_OFF", "PUBLIC_INVOKER"}, "exposed_minutes": 60.0,
			"waiting_minutes": 1440.0, "waiting_for": "a load balancer",
			"actor": "b@example.com", "user_agent": "Terraform/1.13", "why": "allUsers, IAP off",
		}},
		{"a message that cannot be read", stored,
			report.Report{ObservedAt: now, Outcome: report.Rejected, Cause: report.Cause{Kind: "unreadable", Key: "k"}},
			map[string]any{"outcome": "rejected", "exposed": "", "cause": "unreadable"}},
		{"a report that could not be published",
			reportPublisher{to: publisher(func(report.Report) error { return errors.New("no") })},
			report.Report{ObservedAt: now, Outcome: report.Compliant, Target: hello}, nil},
	} {
		if tc.want != nil {
			tc.want["level"], tc.want["msg"], tc.want["id"] = "INFO", "report", tc.r.ID()
		}
		if diff := cmp.Diff(tc.want, lineOf(t, tc.p, tc.r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestLogLineCarriesTheReportWithoutATopic(t *testing.T) {
	r := report.Report{
		RunID: "r", Version: "0.1.0", ObservedAt: time.Now(), Outcome: report.Rejected,
		Cause: report.Cause{Kind: "unreadable", Key: "k"},
	}
	line := lineOf(t, reportPublisher{}, r)
	data, err := json.Marshal(line["data"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Read(data); err != nil || line["type"] != "dev.iapguard.report.v1.rejected" {
		t.Errorf("type %v; the logged report does not fit its schema: %v: %s", line["type"], err, data)
	}
}
