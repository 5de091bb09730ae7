package posture

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAConditionHasExpiredOnlyWhereItsEndHasPassed(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		expression string
		want       bool
	}{
		{`request.time < timestamp("2026-11-28T11:59:59Z")`, true},
		{`request.time < timestamp("2026-11-28T12:00:00Z")`, true},
		{`request.time <= timestamp("2026-11-28T12:00:00Z")`, false},
		{`request.time < timestamp("2026-11-28T12:00:01Z")`, false},
		{`request.time<timestamp('2020-01-01T00:00:00Z')`, true},
		{`(request.time < timestamp("2020-01-01T00:00:00Z"))`, true},
		{`request.path == "/a" && request.time < timestamp("2020-01-01T00:00:00Z")`, true},
		{`request.time > timestamp("2020-01-01T00:00:00Z") && request.time < timestamp("2021-01-01T00:00:00Z")`, true},
		{`false`, true},
		{`request.path == "/a/b//c" && request.time < timestamp("2020-01-01T00:00:00Z")`, true},
		{`request.host == '"' && request.path == "'" && false`, true},
		{`request.time < timestamp("2020-01-01T00:00:00Z") || request.path == "/a"`, false},
		{`!(request.time < timestamp("2020-01-01T00:00:00Z"))`, false},
		{`request.path != "/a && false && /b"`, false},
		{`request.path != 'a && false && b'`, false},
		{`!(request.path == "/a" && false && request.host == "b")`, false},
		{`[true].exists(x, x && false && x) == false`, false},
		{"true // && false", false},
		{"true\n// && false &&\n", false},
		{`true ? true : true && false`, false},
		{`request.path != "\" && false && \""`, false},
		{`request.time > timestamp("2020-01-01T00:00:00Z")`, false},
		{`request.time < timestamp("tomorrow")`, false},
		{`request.time.getHours("UTC") < 9`, false},
		{``, false},
	} {
		if got := Expired(tc.expression, now); got != tc.want {
			t.Errorf("%s: expired %t, want %t", tc.expression, got, tc.want)
		}
	}
}

func TestAnEffectivePolicyHasOnlyWhoCanBeSomebody(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	policy := Policy{Version: "v", Bindings: []Binding{
		{Role: "a", Members: []string{"user:a@example.com", "deleted:user:b@example.com?uid=1", "allUsers"}},
		{Role: "b", Members: []string{"user:c@example.com"}, Condition: `request.time < timestamp("2020-01-01T00:00:00Z")`},
		{Role: "c", Members: []string{"", "user:", "nobody", "user: a@example.com", "deleted:serviceAccount:x@y?uid=1"}},
		{Role: "d", Members: []string{"principalSet://iam.googleapis.com/locations/global/workforcePools/p/*",
			"serviceAccount:p.svc.id.goog[ns/sa]", "domain:example.com", "projectOwner:p"}, Condition: "request.path == '/'"},
	}}
	want := Policy{Version: "v", Bindings: []Binding{
		{Role: "a", Members: []string{"user:a@example.com", "allUsers"}}, policy.Bindings[3],
	}}
	if diff := cmp.Diff(want, policy.Effective(now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
