package discovery

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// asked answers one call of a server whose only route answers what the test says.
func asked(t *testing.T, route apiserver.Route, target, body string, answer any) Result {
	t.Helper()
	var c Check
	s := apiserver.New(apiserver.Options{Clock: time.Now, Observe: c.Observe})
	defer s.Close()
	route.Handle = func(*apiserver.Call) (any, error) {
		if err, ok := answer.(error); ok {
			return nil, err
		}
		return answer, nil
	}
	s.Serve(apiserver.API{Name: route.API, Routes: []apiserver.Route{route}})
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(route.Verb, target, strings.NewReader(body)))
	return c.Result()
}

func TestWhatIsNotGooglesIsFound(t *testing.T) {
	const location = "/v2/projects/{project}/locations/{location}/services"
	get := apiserver.Route{Verb: "GET", Path: location + "/{service}", API: "run", ID: "run.projects.locations.services.get"}
	create := apiserver.Route{Verb: "POST", Path: location, API: "run", ID: "run.projects.locations.services.create"}
	backend := apiserver.Route{Verb: "GET", Path: "/compute/{v}/x", API: "compute", ID: "compute.backendServices.get"}
	v1, beta := backend, backend
	v1.Path, beta.Path = "/compute/v1/x", "/compute/beta/x"
	deleted := apiserver.Route{Verb: "DELETE", Path: "/storage/v1/b/{bucket}", API: "storage", ID: "storage.buckets.delete"}
	unheard := apiserver.Route{Verb: "GET", Path: "/v2/fruits", API: "run", ID: "run.fruits.get"}
	const services, one = "/v2/projects/demo-project/locations/us-central1/services", "/v2/projects/demo-project/locations/l/services/s"
	operation := map[string]any{"name": "o"}
	for _, each := range []struct {
		what         string
		route        apiserver.Route
		target, body string
		answer       any
		want         []string
	}{
		{"a good answer", get, one, "", map[string]any{"ingress": "INGRESS_TRAFFIC_ALL", "generation": "1"}, nil},
		{"an unknown field in a list", get, one, "", map[string]any{"conditions": []any{map[string]any{"colour": 1}}},
			[]string{`GoogleCloudRunV2Service.conditions[]: unknown field "colour"`}},
		{"a typed answer of Go", get, one, "", struct {
			Uid int `json:"uid"`
		}{7}, []string{`GoogleCloudRunV2Service.uid: 7 is not a string`}},
		{"a good request", create, services + "?serviceId=s&alt=json", `{"template":{"containers":[{"image":"i"}]}}`, operation, nil},
		{"an unknown field that was accepted", create, services + "?serviceId=s", `{"colour":"red"}`, operation,
			[]string{`accepted: Invalid JSON payload received. Unknown name "colour" at 'service': Cannot find field.`}},
		{"an unknown parameter that was accepted", create, services + "?serviceName=s", `{}`, operation,
			[]string{`query parameter "serviceName" is not one of the method's`}},
		{"a bad request that was refused", create, services + "?x=y", `{"colour":"red"}`, apiserver.UnknownField("colour", ""), nil},
		{"a body where none belongs", get, one, `{"a":1}`, map[string]any{}, []string{"the method takes no body, one was accepted"}},
		{"no method of Google's", unheard, "/v2/fruits", "", map[string]any{}, []string{"the method is not in Google's documents"}},
		{"an error without status", get, one, "", &apiserver.Error{Code: 400, Message: "no"}, []string{"error.status is "}},
		{"an error without reason", v1, "/compute/v1/x", "", &apiserver.Error{Code: 400, Message: "no", Status: "INVALID_ARGUMENT"},
			[]string{"error.errors[] has no reason"}},
		{"compute's v1 answers no other fields", v1, "/compute/v1/x", "", map[string]any{"futureField": 1},
			[]string{`BackendService: unknown field "futureField"`}},
		{"compute's beta does", beta, "/compute/beta/x", "", map[string]any{"futureField": 1}, nil},
		{"but none of another type", beta, "/compute/beta/x", "", map[string]any{"port": "80"},
			[]string{`BackendService.port: "80" is not a number`}},
		{"no content", deleted, "/storage/v1/b/x", "", nil, nil},
	} {
		t.Run(each.what, func(t *testing.T) {
			result := asked(t, each.route, each.target, each.body, each.answer)
			var got []string
			for _, v := range result.Violations {
				got = append(got, v.Text)
			}
			if diff := cmp.Diff(each.want, got); diff != "" || result.Calls != 1 {
				t.Errorf("%d calls (-want +got):\n%s", result.Calls, diff)
			}
		})
	}
}

func TestNoRouteIsAnErrorOfGooglesShape(t *testing.T) {
	var c Check
	s := apiserver.New(apiserver.Options{Clock: time.Now, Observe: c.Observe})
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/nowhere", http.NoBody))
	if result := c.Result(); result.Calls != 1 || len(result.Violations) != 0 {
		t.Errorf("%+v", result)
	}
}

// failed is a test that writes down how it fails.
type failed struct {
	cleanup []func()
	errors  []string
	log     string
}

func (f *failed) Helper()                 {}
func (f *failed) Cleanup(do func())       { f.cleanup = append(f.cleanup, do) }
func (f *failed) Logf(s string, a ...any) { f.log = fmt.Sprintf(s, a...) }
func (f *failed) Errorf(s string, a ...any) {
	f.errors = append(f.errors, fmt.Sprintf(s, a...))
}

func TestJudgeFailsTheTestAtItsEnd(t *testing.T) {
	var f failed
	c := Judge(&f)
	route := &apiserver.Route{Path: "/v1/projects/p", API: "cloudresourcemanager", ID: "cloudresourcemanager.projects.get"}
	for i := range 3 {
		c.Observe(apiserver.Exchange{
			Route: route, Request: httptest.NewRequest("GET", "/v1/projects/p", nil), Status: 200,
			Answer: fmt.Appendf(nil, `{"labels":{"a":%d}}`, i),
		})
	}
	for _, do := range f.cleanup {
		do()
	}
	if len(f.errors) != 3 || !strings.Contains(f.errors[0], "Project.labels.a: 0 is not a string (1 calls)") ||
		f.log != "discovery: 3 calls checked, 3 violations" {
		t.Errorf("%q, %q", f.errors, f.log)
	}
}
