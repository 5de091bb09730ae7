package loop

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// lines keeps what a function logs, in JSON.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// named are the lines with a message.
func (l *lines) named(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range bytes.Split(bytes.TrimSpace(l.text.Bytes()), []byte("\n")) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	return found
}

func TestAHeartbeatThatIsLoggedComesThroughTheSinkToTheFunction(t *testing.T) {
	t.Parallel()
	var log lines
	own := "projects/" + playground.Project
	r := withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(), Instances: 2, Bucket: true,
		Heartbeats: []string{own, playground.EventsTopic}, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	write := func(name string, payload map[string]any) {
		r.CallAs(r.Owner(), http.MethodPost, "/v2/entries:write", map[string]any{"entries": []any{map[string]any{
			"logName": own + "/logs/" + name, "resource": map[string]any{"type": "global"}, "jsonPayload": payload,
		}}})
	}
	write("stdout", map[string]any{"iapguard": "heartbeat", "nonce": "1.a"})
	write("iapguard-heartbeat", map[string]any{"iapguard": "stop", "nonce": "1.a"})
	write("iapguard-heartbeat", map[string]any{"iapguard": "heartbeat"})
	write("iapguard-heartbeat", map[string]any{"iapguard": "heartbeat", "nonce": "1.a"})
	r.Publish(playground.EventsTopic, `{"iapguard":"heartbeat","nonce":"1.a"}`)
	r.Publish(playground.CommandsTopic, `{"command":"due"}`)
	r.Until("both heartbeats were heard", func() bool { return len(log.named(t, "heartbeat")) >= 2 })
	heard := map[any]bool{}
	for _, line := range log.named(t, "heartbeat") {
		lag, known := line["lag_seconds"].(float64)
		if heard[line["from"]] = true; !known || lag < -1 || lag > cloudtest.Patience.Seconds() {
			t.Errorf("%v, want lag_seconds", line)
		}
	}
	if len(log.named(t, "heartbeat")) != 2 || !heard[own] || !heard[playground.EventsTopic] {
		t.Errorf("%v, want one from the project and one from the topic", log.named(t, "heartbeat"))
	}
	if forged := log.named(t, "a heartbeat is not believed"); len(forged) != 2 {
		t.Errorf("%v, want one from the project and one from the topic", forged)
	}
	if len(r.Reports()) > 0 {
		t.Errorf("reports %+v, want none", r.Reports())
	}
}
