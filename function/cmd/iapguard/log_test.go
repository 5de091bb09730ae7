package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/telemetry"
)

func TestALogLineHasTheFieldsOfCloudLogging(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)
	plain := context.Background()
	within := func(name, value string) context.Context {
		header := http.Header{}
		header.Set(name, value)
		return telemetry.Received(plain, header)
	}
	w3c := within("traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")
	const begins = `{"time":"2026-11-23T12:00:00.005Z","severity":`
	const trace = `"logging.googleapis.com/trace":"projects/demo-project/traces/0af7651916cd43dd8448eb211c80319c",` +
		`"logging.googleapis.com/spanId":"00f067aa0ba902b7","logging.googleapis.com/trace_sampled":true`
	for _, tc := range []struct {
		name    string
		ctx     context.Context
		project string
		level   slog.Level
		attrs   []any
		want    string
	}{
		{"outside of a request", plain, "demo-project", slog.LevelInfo, nil, begins + `"INFO","message":"m"}`},
		{"debugging", plain, "demo-project", slog.LevelDebug, nil, begins + `"DEBUG","message":"m"}`},
		{"a warning", plain, "demo-project", slog.LevelWarn, nil, begins + `"WARNING","message":"m"}`},
		{"between two levels", plain, "demo-project", slog.LevelInfo + 2, nil, begins + `"INFO","message":"m"}`},
		{"an error of several lines", plain, "demo-project", slog.LevelError,
			[]any{"err", errors.Join(errors.New("one"), errors.New("two"))},
			begins + `"ERROR","message":"m","err":"one; two"}`},
		{"an error in a group", plain, "demo-project", slog.LevelError,
			[]any{slog.Group("g", "err", errors.New("a\r\nb"), "severity", "x")},
			begins + `"ERROR","message":"m","g":{"err":"a; b","severity":"x"}}`},
		{"in a request", w3c, "demo-project", slog.LevelInfo, []any{"target", "t"},
			begins + `"INFO","message":"m","target":"t",` + trace + `}`},
		{"in a request with the older header",
			within("X-Cloud-Trace-Context", "0af7651916cd43dd8448eb211c80319c/67667974448284343;o=1"), "demo-project",
			slog.LevelInfo, nil,
			begins + `"INFO","message":"m",` + trace + `}`},
		{"where the project is not known", w3c, "", slog.LevelInfo, nil,
			begins + `"INFO","message":"m",` + strings.Replace(trace, "projects/demo-project/traces/", "", 1) + `}`},
	} {
		var text strings.Builder
		line := slog.NewRecord(at, tc.level, "m", 0)
		line.Add(tc.attrs...)
		if err := cloudLogHandler(&text, slog.LevelDebug, tc.project).Handle(tc.ctx, line); err != nil {
			t.Fatal(err)
		}
		if got := text.String(); got != tc.want+"\n" {
			t.Errorf("%s:\ngot  %swant %s", tc.name, got, tc.want)
		}
	}
}

func TestALogLineSaysWhereInTheSourceItIsFrom(t *testing.T) {
	var text strings.Builder
	log := slog.New(cloudLogHandler(&text, slog.LevelInfo, "")).With("a", 1)
	log.Info("m")
	log.Debug("not this")
	want := regexp.MustCompile(
		`^\{[^\n]*"logging\.googleapis\.com/sourceLocation":\{"file":"[^"]*log_test\.go","line":"\d+","function":"[^"]*TestALogLineSaysWhereInTheSourceItIsFrom"\},"message":"m","a":1\}\n$`)
	if !want.MatchString(text.String()) {
		t.Errorf("got %s, want it to match %s", text.String(), want)
	}
}
