package event

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"
)

const beat = `{"insertId":"1","timestamp":"2026-11-23T12:00:00Z","receiveTimestamp":"2026-11-23T12:00:01Z",
  "severity":"DEFAULT",
	"logName":"projects/demo-project/logs/iapguard-heartbeat","resource":{"type":"global",
	"labels":{"project_id":"demo-project"}},
	"jsonPayload":{"iapguard":"heartbeat","nonce":"7.ab"}}`

func TestHeartbeatsInTheirLog(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit edits
		want string
	}{
		{"of a project", nil, "heartbeat|demo-project||||projects/demo-project"},
		{"of a folder", edits{"logName": "folders/12/logs/iapguard-heartbeat"}, "heartbeat|||||folders/12"},
		{"of an organisation", edits{"logName": "organizations/34/logs/iapguard-heartbeat"},
			"heartbeat|||||organizations/34"},
		{"of an invalid organisation", edits{"logName": "organizations/x/logs/iapguard-heartbeat"}, "unreadable"},
		{"of a billing account", edits{"logName": "billingAccounts/0/logs/iapguard-heartbeat"}, "unreadable"},
		{"of another log", edits{"logName": "projects/demo-project/logs/stdout"}, "other-service"},
		{"without a log name", edits{"logName": nil}, "other-service"},
		{"another word", edits{"jsonPayload.iapguard": "Heartbeat"}, "unrelated"},
		{"no word", edits{"jsonPayload": nil, "textPayload": "heartbeat"}, "unrelated"},
		{"an object for the word", edits{"jsonPayload.iapguard": map[string]any{"iapguard": "heartbeat"}}, "unrelated"},
		{"no nonce", edits{"jsonPayload.nonce": nil}, "unrelated"},
		{"a nonce of two words", edits{"jsonPayload.nonce": "7 ab"}, "unrelated"},
		{"without a time", edits{"timestamp": nil, "receiveTimestamp": nil}, "unreadable"},
		{"with an audited call in it", edits{"protoPayload": map[string]any{"serviceName": "run.googleapis.com",
			"methodName": "google.cloud.run.v2.Services.UpdateService"}}, "other-service"},
		{"with more beside it", edits{"jsonPayload.more": "x", "labels": map[string]any{"a": "b"}},
			"heartbeat|demo-project||||projects/demo-project"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, with(t, beat, tc.edit), Self{})
			if got := outcome(r); got != tc.want {
				t.Errorf("%s (%s), want %s", got, r.Why, tc.want)
			}
			if want := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC); r.Cause != nil && !r.Cause.At.Equal(want) {
				t.Errorf("at %s, want the entry's time", r.Cause.At)
			}
			if r.Cause != nil && r.Cause.Nonce != "7.ab" {
				t.Errorf("nonce %q", r.Cause.Nonce)
			}
		})
	}
	twice := []byte(`{"logName":"projects/p-1/logs/iapguard-heartbeat","timestamp":"2026-11-23T12:00:00Z",` +
		`"jsonPayload":{"iapguard":"heartbeat","iapguard":"x"}}`)
	if r := one(t, twice, Self{}); r.Ignored != Unreadable {
		t.Errorf("two words: %s, want unreadable", outcome(r))
	}
}

func TestPublishedHeartbeats(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const word = `{"iapguard":"heartbeat","nonce":"7.ab"}`
	data := `"data":"` + base64.StdEncoding.EncodeToString([]byte(word)) + `"`
	for _, tc := range []struct {
		name    string
		message Message
		want    Reason
		key     string
		at      time.Time
	}{
		{"pushed", Message{Body: []byte(`{"message":{` + data + `,"messageId":"7","publishTime":"2026-11-23T12:00:00Z"}}`)},
			"", "heartbeat/message/7", noon},
		{"pushed without wrapping", Message{Body: []byte(word),
			Header: http.Header{"X-Goog-Pubsub-Message-Id": {"7"}, "X-Goog-Pubsub-Publish-Time": {"2026-11-23T12:00:00Z"}}},
			"", "heartbeat/message/7", noon},
		{"without a time", Message{Body: []byte(word)}, "", hashKey("heartbeat", "", ""), time.Time{}},
		{"with more in it", Message{Body: []byte(`{"iapguard":"heartbeat","target":"projects/p-1"}`)}, notALogEntry, "",
			time.Time{}},
		{"without a nonce", Message{Body: []byte(`{"iapguard":"heartbeat"}`)}, Unrelated, "", time.Time{}},
		{"with another word", Message{Body: []byte(`{"iapguard":"stop"}`)}, notALogEntry, "", time.Time{}},
		{"among commands", Message{Body: []byte(word), Commands: true}, notALogEntry, "", time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			results := Parse(tc.message, Self{})
			if len(results) != 1 || results[0].Ignored != tc.want {
				t.Errorf("%+v, want one result, ignored %q", results, tc.want)
				return
			}
			if c := results[0].Cause; c != nil &&
				(c.Kind != Heartbeat || c.Nonce != "7.ab" || c.Key != tc.key || !c.At.Equal(tc.at)) {
				t.Errorf("%s with key %s at %s, want key %s at %s", c.Kind, c.Key, c.At, tc.key, tc.at)
			}
		})
	}
}
