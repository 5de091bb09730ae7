package logging_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

const entry = `{
	"logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
	"severity": "NOTICE",
	"timestamp": "2026-11-23T09:00:00.5Z",
	"resource": {"type": "cloud_run_revision", "labels": {"service_name": "hello", "revision_name": ""}},
	"labels": {"cloud.googleapis.com/location": "us-central1"},
	"operation": {"id": "operation-1", "first": true},
	"httpRequest": {"status": 403, "requestSize": "1024"},
	"protoPayload": {
		"@type": "type.googleapis.com/google.cloud.audit.AuditLog",
		"serviceName": "run.googleapis.com",
		"methodName": "google.cloud.run.v1.Services.ReplaceService",
		"authorizationInfo": [{"permission": "run.services.get"}, {"permission": "run.services.update", "granted": true}]
	}
}`

func TestAFilterSelectsWhatTheQueryLanguageSays(t *testing.T) {
	cases := []struct {
		name, filter string
		want         bool
	}{
		{"an empty filter selects everything", ``, true},
		{"white space and comments are nothing", " \n -- a comment\n", true},
		{"equality", `protoPayload.serviceName="run.googleapis.com"`, true},
		{"equality is of the whole text", `protoPayload.serviceName="run"`, false},
		{"equality ignores case", `protoPayload.serviceName="RUN.googleapis.COM"`, true},
		{"values need no quotes", `resource.type=cloud_run_revision`, true},
		{"values without quotes may hold dots", `protoPayload.serviceName = run.googleapis.com`, true},
		{"single quotes are quotes", `resource.type='cloud_run_revision'`, true},
		{"inequality", `resource.type!="gce_instance"`, true},
		{"inequality of what is equal", `resource.type!="cloud_run_revision"`, false},
		{"inequality does not hold for a missing field", `jsonPayload.a!="b"`, false},
		{"NOT of an equality holds for a missing field", `NOT jsonPayload.a="b"`, true},
		{"no regular expression fails to match a missing field", `jsonPayload.a!~"b"`, false},
		{"a missing field of the entry itself has its default", `operation.last=false`, true},
		{"a missing number of the entry itself is nought", `httpRequest.cacheFillBytes<1`, true},
		{"a missing text of the entry itself is empty", `textPayload!~"x" AND trace=""`, true},
		{"a missing field of the entry itself is not there", `trace:*`, false},
		{"a missing label is missing", `resource.labels.zone!="a"`, false},
		{"one element that differs is enough", `protoPayload.authorizationInfo.permission!="run.services.get"`, true},
		{"no element that differs", `protoPayload.authorizationInfo.granted!=true`, false},
		{"equality does not hold for a missing field", `jsonPayload.a="b"`, false},
		{"substring", `protoPayload.methodName:"services.replace"`, true},
		{"substring that is not there", `protoPayload.methodName:"Delete"`, false},
		{"substring anywhere below a field", `protoPayload:"run.services.update"`, true},
		{"a field is there", `operation.first:*`, true},
		{"a field is not there", `operation.last:*`, false},
		{"an empty field is there", `resource.labels.revision_name:*`, true},
		{"a star in quotes is a star", `operation.first:"*"`, false},
		{"regular expression", `protoPayload.methodName=~"^google\.cloud\.run\.v[12]\.Services\.(Create|Replace)Service$"`, true},
		{"regular expressions heed case", `protoPayload.methodName=~"services"`, false},
		{"no match of a regular expression", `protoPayload.methodName!~"Delete"`, true},
		{"quoted segments of a field", `labels."cloud.googleapis.com/location"="us-central1"`, true},
		{"a field with an at sign", `protoPayload.@type="type.googleapis.com/google.cloud.audit.AuditLog"`, true},
		{"fields in snake case", `proto_payload.service_name="run.googleapis.com"`, true},
		{"a list stands for its elements", `protoPayload.authorizationInfo.permission="run.services.update"`, true},
		{"booleans", `operation.first=true`, true},
		{"numbers as numbers", `httpRequest.status>=400 httpRequest.status<500`, true},
		{"numbers in text are numbers", `httpRequest.requestSize>999`, true},
		{"severities are ordered", `severity>=INFO`, true},
		{"severities are ordered by rank, not by letter", `severity<ERROR`, true},
		{"a higher severity", `severity>="WARNING"`, false},
		{"times", `timestamp>="2026-11-23T09:00:00Z" AND timestamp<"2026-11-23T10:00:00+01:00"`, false},
		{"times with other decimals are equal", `timestamp="2026-11-23T09:00:00.500Z"`, true},
		{"log_id is unescaped", `log_id("cloudaudit.googleapis.com/activity")`, true},
		{"another log_id", `log_id("cloudaudit.googleapis.com/system_event")`, false},
		{"text alone is looked for everywhere", `"replaceservice"`, true},
		{"text alone that is nowhere", `elsewhere`, false},
		{"AND", `severity=NOTICE AND resource.type="gce_instance"`, false},
		{"AND is implied", "severity=NOTICE\nresource.type=\"gce_instance\"", false},
		{"OR", `resource.type="gce_instance" OR severity=NOTICE`, true},
		{"OR binds tighter than AND", `severity=NOTICE OR severity=INFO AND resource.type="gce_instance"`, false},
		{"parentheses", `severity=NOTICE OR (severity=INFO AND resource.type="gce_instance")`, true},
		{"NOT binds tighter than OR", `NOT severity=NOTICE OR resource.type="cloud_run_revision"`, true},
		{"NOT of a parenthesis", `NOT (severity=NOTICE OR severity=INFO)`, false},
		{"a minus is NOT", `-severity=NOTICE`, false},
		{"NOT of a missing field", `NOT operation.last=true`, true},
		{"one of several values", `severity=(INFO OR NOTICE)`, true},
		{"all of several substrings", `protoPayload.methodName:("run" AND "Replace")`, true},
		{"all of several substrings, one missing", `protoPayload.methodName:("run" AND "Delete")`, false},
		{"NOT within values", `protoPayload.methodName:("run" AND NOT "Replace")`, false},
		{"values in nested parentheses", `severity=((INFO OR DEBUG) OR NOTICE)`, true},
		{"our own sink", `log_id("cloudaudit.googleapis.com/activity") AND (protoPayload.serviceName="run.googleapis.com" OR
			protoPayload.methodName=~"compute\.(region)?[bB]ackendServices\.") AND NOT operation.last=true`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			filter, err := logging.ParseFilter(c.filter)
			if err != nil {
				t.Fatal(err)
			}
			var decoded map[string]any
			if err := json.Unmarshal([]byte(entry), &decoded); err != nil {
				t.Fatal(err)
			}
			if got := filter.Selects([]byte(entry)); got != c.want {
				t.Errorf("%s on the text: %v, want %v", c.filter, got, c.want)
			}
			if got := filter.Match(decoded); got != c.want {
				t.Errorf("%s: got %t, want %t", c.filter, got, c.want)
			}
		})
	}
}

func TestASyntaxErrorNamesItsPosition(t *testing.T) {
	cases := []struct{ filter, want string }{
		{`severity=`, "line 1, column 10: the filter ends where a value should be"},
		{`=ERROR`, "line 1, column 1: token '=' where a comparison should be"},
		{`severity=ERROR AND`, "line 1, column 19: the filter ends where a comparison should be"},
		{`severity=ERROR OR OR`, "line 1, column 19: token 'OR' where a comparison should be"},
		{"severity=ERROR\nresource.type==x", "line 2, column 15: token '=' where a value should be"},
		{`(severity=ERROR`, "line 1, column 16: the filter ends where ')' should be"},
		{`severity=ERROR)`, "line 1, column 15: token ')' where the end should be"},
		{`resource.type="é" AND resource.="x"`, "line 1, column 32: token '=' where a field should be"},
		{`textPayload="never closed`, "line 1, column 13: unterminated string"},
		{`textPayload=~"("`, "line 1, column 14: error parsing regexp"},
		{`sample(insertId, 0.1)`, "line 1, column 1: the function sample is not supported here"},
		{`log_id(activity)`, "line 1, column 8: token 'activity' where a quoted log id should be"},
		{`trace=b;c=d`, "line 1, column 8: unexpected character ';'"},
		{`severity=ERROR AND thud="x"`, "line 1, column 20: no log entry has a field thud"},
		{`operation.thud=true`, "no log entry has a field operation.thud"},
		{`textPayload.thud="x"`, "no log entry has a field textPayload.thud"},
		{`severity=(INFO OR)`, "line 1, column 18: token ')' where a value should be"},
		{strings.Repeat("(", 101), "nested deeper than 100 levels"},
		{`severity=` + strings.Repeat("(", 101), "nested deeper than 100 levels"},
		{strings.Repeat("a", 20001), "longer than 20000 characters"},
	}
	for _, c := range cases {
		_, err := logging.ParseFilter(c.filter)
		var syntax *logging.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: got %v, want an error with %q", c.filter, err, c.want)
		}
	}
}

func FuzzNoFilterBreaksTheParser(f *testing.F) {
	for _, seed := range []string{`labels.b="c" AND NOT (trace:e OR -spanId=~"g")`, `log_id("x")`, `severity>=(A OR B)`,
		"--", `"`, `labels."b.c":*`} {
		f.Add(seed)
	}
	var decoded map[string]any
	if err := json.Unmarshal([]byte(entry), &decoded); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := logging.ParseFilter(text)
		if err != nil {
			var syntax *logging.SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 {
				t.Fatalf("got error %#v without a position", err)
			}
			return
		}
		opposite, err := logging.ParseFilter("NOT (" + text + "\n)")
		if err != nil {
			return // an empty filter cannot be negated
		}
		if filter.Match(decoded) == opposite.Match(decoded) {
			t.Errorf("%q and its negation agree", text)
		}
	})
}
