package function

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestHeartbeatIsLoggedOnceAndLeadsToNothing(t *testing.T) {
	b := newBench(t, settling)
	var lines bytes.Buffer
	b.log = slog.New(slog.NewJSONHandler(&lines, nil))
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b.clock = clockwork.NewFakeClockAt(now)
	logged := now.Add(-90 * time.Second).Format(time.RFC3339Nano)
	for _, tc := range []struct {
		name, path, body string
		from             any
		lag              any
	}{
		{"logged", "/", `{"logName":"organizations/12/logs/iapguard-heartbeat","insertId":"1","timestamp":"` + logged +
			`","jsonPayload":{"iapguard":"heartbeat"}}`, "organizations/12", 90.0},
		{"published", "/", `{"message":{"data":"eyJpYXBndWFyZCI6ImhlYXJ0YmVhdCJ9","messageId":"7","publishTime":"` + logged +
			`"}}`, "events topic", 90.0},
		{"published, nobody says when", "/", `{"iapguard":"heartbeat"}`, "events topic", nil},
		{"among commands", "/commands", `{"iapguard":"heartbeat"}`, nil, nil},
	} {
		lines.Reset()
		calls, reports := b.calls(), len(b.reports.reports)
		answer := httptest.NewRecorder()
		b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, tc.path, strings.NewReader(tc.body)))
		if answer.Code != http.StatusNoContent || b.calls() != calls || len(b.reports.reports) != reports {
			t.Errorf("%s: status %d, %d calls, %d reports; want 204 and none",
				tc.name, answer.Code, b.calls()-calls, len(b.reports.reports)-reports)
		}
		var line map[string]any
		if lines.Len() > 0 {
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil { // two lines are not one JSON text
				t.Errorf("%s: %v in %s", tc.name, err, lines.String())
			}
		}
		wrong := tc.from != nil && line["msg"] != "heartbeat"
		if wrong || line["from"] != tc.from || line["lag_seconds"] != tc.lag {
			t.Errorf("%s: %v, want a heartbeat from %v after %v seconds", tc.name, line, tc.from, tc.lag)
		}
	}
}
