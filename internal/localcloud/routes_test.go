package localcloud

import (
	"regexp"
	"testing"
)

func TestEveryRouteSaysWhatItNeedsAndIsTheOnlyOne(t *testing.T) {
	cloud := New(Options{})
	defer cloud.Close()
	variable := regexp.MustCompile(`\{[a-z]+`)
	seen := map[string]string{}
	for _, route := range cloud.server.Routes() {
		what := route.Verb + " " + route.Path
		if route.ID == "" || route.API == "" || route.Handle == nil {
			t.Errorf("%s has no method id, no API or no handler", what)
		}
		if route.Permission != "" && route.Source == "" {
			t.Errorf("%s needs %s, and nobody says so", what, route.Permission)
		}
		// whose tokens are logged as data access
		if route.AuditMethod != "" && !route.Write && route.API != "iamcredentials" {
			t.Errorf("%s is logged and writes nothing", what)
		}
		shape := variable.ReplaceAllString(what, "{x")
		if other, ok := seen[shape]; ok {
			t.Errorf("%s is both %s and %s: only the first is ever called", what, other, route.ID)
		}
		seen[shape] = route.ID
	}
	if len(seen) < 300 {
		t.Errorf("%d routes, which is too few to be all of them", len(seen))
	}
}
