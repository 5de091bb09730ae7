package logging_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

func TestWrittenEntriesAreRoutedAsAnyOthers(t *testing.T) {
	var to published
	router, _, server := serve(t, &to)
	if err := router.AddSink(logging.Sink{Name: "beats",
		Filter: `log_id("a/beat") AND jsonPayload.iapguard="heartbeat"`,
		Topic:  "projects/demo-project/topics/t"}); err != nil {
		t.Fatal(err)
	}
	status, answer := call(t, server, "POST", "/v2/entries:write",
		`{"logName":"projects/123456789012/logs/a%2Fbeat","resource":{"type":"global"},"labels":{"a":"1","b":"1"},
		"entries":[{"jsonPayload":{"iapguard":"heartbeat"},"labels":{"b":"2"},"insertId":"x","timestamp":"2026-11-23T10:00:00.5+01:00"},{"textPayload":"heartbeat"}]}`)
	if status != 200 || len(answer) != 0 {
		t.Fatalf("status %d, %v; want 200 and nothing", status, answer)
	}
	var got map[string]any
	if err := json.Unmarshal(to.raw, &got); err != nil || len(to.got) != 1 {
		t.Fatalf("%d entries published (%v), want the first alone", len(to.got), err)
	}
	want := map[string]any{
		"insertId": "x", "logName": "projects/demo-project/logs/a%2Fbeat",
		"jsonPayload": map[string]any{"iapguard": "heartbeat"},
		"labels":      map[string]any{"a": "1", "b": "2"}, "timestamp": "2026-11-23T09:00:00.500Z",
		"receiveTimestamp": "2026-11-23T09:00:00.123456Z",
		"resource":         map[string]any{"type": "global", "labels": map[string]any{"project_id": "demo-project"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeWrittenIsRefusedWhole(t *testing.T) {
	const good = `{"logName":"projects/demo-project/logs/a","resource":{"type":"global"},"textPayload":"x"}`
	for _, tc := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"nothing", `{}`, 400, "No entries"},
		{"an unknown member", `{"entry":[]}`, 400, `Unknown name "entry"`},
		{"an unknown member of an entry", `{"entries":[` + good + `,{"logname":"x"}]}`, 400, `Unknown name "logname"`},
		{"no log", `{"entries":[{"resource":{"type":"global"},"textPayload":"x"}]}`, 400, "Invalid log name"},
		{"a log that is not escaped", strings.ReplaceAll(`{"entries":[`+good+`]}`, "logs/a", "logs/a/b"), 400,
			"Invalid log name"},
		{"a log of another project", strings.ReplaceAll(`{"entries":[`+good+`]}`, "demo-project", "other"), 403,
			"projects/other"},
		{"a log of another organisation", strings.ReplaceAll(`{"entries":[`+good+`]}`, "projects/demo-project",
			"organizations/1"), 403, "organizations/1"},
		{"an audit log", strings.ReplaceAll(`{"entries":[`+good+`]}`, "logs/a",
			"logs/cloudaudit.googleapis.com%2Factivity"), 403, "Google alone"},
		{"no resource", `{"entries":[{"logName":"projects/demo-project/logs/a","textPayload":"x"}]}`, 400,
			"monitored resource"},
		{"two payloads", strings.ReplaceAll(`{"entries":[`+good+`]}`, `"textPayload"`, `"jsonPayload":{},"textPayload"`),
			400, "one payload"},
		{"no severity", strings.ReplaceAll(`{"entries":[`+good+`]}`, `"textPayload"`, `"severity":"BAD","textPayload"`),
			400, "severity"},
		{"no time", strings.ReplaceAll(`{"entries":[`+good+`]}`, `"textPayload"`, `"timestamp":"noon","textPayload"`), 400,
			"timestamp"},
		{"another type", strings.ReplaceAll(`{"entries":[`+good+`]}`, `"x"`, `{"x":1}`), 400, "Invalid value at 'entries'"},
		{"nothing that counts", `{"dryRun":true,"entries":[` + good + `]}`, 200, ""},
	} {
		var to published
		router, _, server := serve(t, &to)
		status, answer := call(t, server, "POST", "/v2/entries:write", tc.body)
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		if status != tc.status || !strings.Contains(strings.ReplaceAll(string(text), `\"`, `"`), tc.want) {
			t.Errorf("%s: %d %s, want %d with %q", tc.name, status, text, tc.status, tc.want)
		}
		all, err := logging.ParseFilter("")
		if err != nil {
			t.Fatal(err)
		}
		if kept := router.Entries(all); len(kept) > 0 {
			t.Errorf("%s: %s was written", tc.name, kept)
		}
	}
}
