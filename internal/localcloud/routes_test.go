package localcloud

import (
	"regexp"
	"strings"
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

// TestEveryRouteIsAMethodOfGoogles compares paths segment by segment: a
// variable of ours stands where Google's path has one, and "-" or "us" where
// ours is narrower.
func TestEveryRouteIsAMethodOfGoogles(t *testing.T) {
	cloud := New(Options{})
	defer cloud.Close()
	count := 0
	for _, route := range cloud.server.Routes() {
		count++
		_, method, ok := route.Discovery()
		if !ok {
			t.Errorf("%s %s: Google has no method %s there", route.Verb, route.Path, route.ID)
			continue
		}
		want := strings.Replace(method.Path, "compute/v1/", versionIn(route.Path)+"/", 1)
		path := strings.TrimPrefix(route.Path, "/resumable") // the parts of an upload come by PUT, or there
		part := samePath(method.Upload, path) && route.Verb == "PUT"
		if method.Verb != route.Verb && !part || !samePath(want, route.Path) && !samePath(method.Upload, path) {
			t.Errorf("%s is %s %s here and %s %s at Google's", route.ID, route.Verb, route.Path, method.Verb, method.Path)
		}
	}
	t.Logf("%d routes", count)
}

func versionIn(path string) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[1:min(3, len(parts))], "/")
}

func samePath(google, ours string) bool {
	// IAP does not say what its resources are: v1/{v1Id}:getIamPolicy.
	if opaque, verb, ok := strings.Cut(google, "/{v1Id}"); ok && !strings.Contains(verb, "/") {
		return strings.HasPrefix(ours, "/"+opaque+"/") && strings.HasSuffix(ours, verb)
	}
	a, b := strings.Split(google, "/"), strings.Split(strings.TrimPrefix(ours, "/"), "/")
	if len(a) != len(b) {
		return strings.Contains(ours, "...}")
	}
	for i := range a {
		x, verb, _ := strings.Cut(a[i], ":")
		y, verb2, _ := strings.Cut(b[i], ":")
		if verb != verb2 || !strings.HasPrefix(x, "{") && x != y {
			return false
		}
	}
	return true
}
