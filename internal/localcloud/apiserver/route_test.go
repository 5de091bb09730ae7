package apiserver

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutesAreFoundByPathAndVerb(t *testing.T) {
	var r routes
	r.add([]Route{
		{Verb: "GET", Path: "/v1/projects/{project}", ID: "get"},
		{Verb: "POST", Path: "/v1/projects/{project}:getIamPolicy", ID: "policy"},
		{Verb: "POST", Path: "/v1/projects/{project}/services:batchEnable", ID: "batch"},
		{Verb: "POST", Path: "/v1/projects/{project}/services/{service}:enable", ID: "enable"},
		{Verb: "GET", Path: "/v1/objects/{name...}", ID: "object"},
		{Verb: "GET", Path: "/v1/objects/{name...}:settings", ID: "never"},
		{Verb: "GET", Path: "/v2/objects/{name...}:settings", ID: "settings"},
	})
	for _, tc := range []struct {
		verb, path, id string
		vars           map[string]string
	}{
		{"GET", "/v1/projects/p", "get", map[string]string{"project": "p"}},
		{"GET", "/v1/projects/example.com:p", "get", map[string]string{"project": "example.com:p"}},
		{"POST", "/v1/projects/example.com:p:getIamPolicy", "policy", map[string]string{"project": "example.com:p"}},
		{"POST", "/v1/projects/p/services:batchEnable", "batch", map[string]string{"project": "p"}},
		{"POST", "/v1/projects/p/services/run.googleapis.com:enable", "enable",
			map[string]string{"project": "p", "service": "run.googleapis.com"}},
		{"GET", "/v1/objects/a/b%20c", "object", map[string]string{"name": "a/b c"}},
		{"GET", "/v2/objects/a/b:settings", "settings", map[string]string{"name": "a/b"}},
		{"POST", "/v1/projects/p/services/x:disable", "", nil},
		{"POST", "/v1/projects/p/services/:enable", "", nil},
		{"POST", "/v1/projects/p/services/a%2Fb:enable", "", nil},
		{"GET", "/v1/projects/", "", nil},
		{"GET", "/v1/projects", "", nil},
		{"GET", "/v1/projects/p/", "", nil},
		{"DELETE", "/v1/projects/p", "", nil},
		{"GET", "/", "", nil},
	} {
		route, vars := r.find(httptest.NewRequest(tc.verb, tc.path, nil))
		id := ""
		if route != nil {
			id = route.ID
		}
		if diff := cmp.Diff(tc.vars, vars); id != tc.id || diff != "" {
			t.Errorf("%s %s is %q, want %q; variables (-want +got):\n%s", tc.verb, tc.path, id, tc.id, diff)
		}
	}
}
