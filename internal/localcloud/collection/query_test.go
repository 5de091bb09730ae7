package collection

import (
	"slices"
	"testing"
)

func TestAQuerySelectsByItsTerms(t *testing.T) {
	keys := map[string][]string{"name": {"projects/demo-project"}, "state": {"ACTIVE"}, "policy": {"allUsers", "user:a@example.com"},
		"": {"demo", "shop"}}
	values := func(key string) []string { return keys[key] }
	knows := func(key string) bool {
		return slices.Contains([]string{"", "name", "state", "policy", "labels.a"}, key)
	}
	for _, tc := range []struct {
		query string
		want  bool
	}{
		{"", true},
		{"state:active", true},
		{"state=DELETE_REQUESTED", false},
		{"state!=DELETE_REQUESTED", true},
		{"name:projects/*", true},
		{"name:*demo*", true},
		{"name:demo", false},
		{"NOT name:*demo*", false},
		{"-state:ACTIVE", false},
		{"policy:allUsers", true},
		{`policy:"user:a@example.com"`, true},
		{"policy:(allAuthenticatedUsers OR allUsers)", true},
		{"policy:(allAuthenticatedUsers OR user:b@example.com)", false},
		{"state:ACTIVE AND (name:x OR name:*project)", true},
		{"state:ACTIVE name:x", false},
		{"state:x OR name:*", true},
		{"shop", true},
		{"sh*p demo", true},
		{"else", false},
		{"labels.a:*", false},
	} {
		query, err := ParseQuery(tc.query, knows)
		if got := err == nil && query.Matches(values); err != nil || got != tc.want {
			t.Errorf("%q: %t, %v, want %t", tc.query, got, err, tc.want)
		}
	}
	for _, text := range []string{"colour:red", "state:", "(state:ACTIVE", "state:ACTIVE)", "AND", "state:ACTIVE OR", "NOT"} {
		if _, err := ParseQuery(text, knows); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
