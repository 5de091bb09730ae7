package condition

import (
	"testing"
	"time"
)

func TestConditionsAreReadAsIAMReadsThem(t *testing.T) {
	noon := Attributes{
		Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Path: "/reports/march", Host: "hello.example.com",
		Resource: "projects/demo-project/locations/us-central1/services/hello",
	}
	for _, tc := range []struct {
		name, expression string
		want             bool
	}{
		{"a time that is to come", `request.time < timestamp("2026-03-02T00:00:00Z")`, true},
		{"a time that has passed", `request.time < timestamp("2026-03-01T00:00:00Z")`, false},
		{"an hour of a time zone", `request.time.getHours("Europe/Berlin") == 13`, true},
		{"the beginning of a path", `request.path.startsWith("/reports/")`, true},
		{"another path", `request.path == "/admin"`, false},
		{"a host and a path", `request.host == "hello.example.com" && !request.path.startsWith("/admin")`, true},
		{"either of two hosts", `request.host == "a.example.com" || request.host == "b.example.com"`, false},
		{"a resource's name", `resource.name.startsWith("projects/demo-project/")`, true},
		{"an attribute that is not offered", `"corp" in request.auth.access_levels`, false},
		{"something that is not a boolean", `request.path`, false},
		{"no expression", `request.path ==`, false},
		{"nothing", ``, false},
		{"an endless expression", `request.path.matches("(a*)*b")`, false},
	} {
		if got := Holds(tc.expression, noon); got != tc.want {
			t.Errorf("%s: %s: got %t, want %t", tc.name, tc.expression, got, tc.want)
		}
	}
}
