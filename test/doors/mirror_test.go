package doors

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
)

// shadow is a second service, whose frontend is nobody's door in these tests.
var shadow = playground.LoadBalanced{Service: "shadow", Region: "us-central1", Host: "shadow.example.com"}

// mirrored makes the URL map of hello mirror to shadow, with a part of it as the test says.
func mirrored(part string) func(*fixture) {
	return func(o *fixture) {
		backends := "projects/" + playground.Project + "/global/backendServices/"
		part := strings.NewReplacer("MIRROR", `{"requestMirrorPolicy":{"backendService":"`+backends+shadow.Backend()+`"}}`,
			"NONE", `{"requestMirrorPolicy":{"mirrorPercent":0,"backendService":"`+backends+shadow.Backend()+`"}}`,
			"HELLO", `"`+backends+o.Backend()+`"`).Replace(part)
		var patch map[string]any
		if err := json.Unmarshal([]byte(part), &patch); err != nil {
			o.t.Fatal(err)
		}
		path := "/compute/v1/projects/" + playground.Project + "/global/urlMaps"
		name, _ := o.call("GET", path, nil)["items"].([]any)
		for _, each := range name {
			if found := each.(map[string]any)["name"].(string); strings.HasPrefix(found, o.Service) {
				o.call("PATCH", path+"/"+found, patch)
			}
		}
	}
}

// services are the names of the services that logged requests, in order, with their hosts.
func services(t *testing.T, got reply) []string {
	t.Helper()
	var names []string
	for _, raw := range got.raw {
		var entry struct {
			Resource    struct{ Labels map[string]string }
			HTTPRequest struct {
				RequestURL string
				Status     int
			}
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			t.Fatal(err)
		}
		if name := entry.Resource.Labels["service_name"]; name != "" {
			names = append(names, name+" "+entry.HTTPRequest.RequestURL+" "+http.StatusText(entry.HTTPRequest.Status))
		}
	}
	return names
}

func TestAMirrorGetsACopyOfEachRequest(t *testing.T) {
	const (
		all200 = "hello https://hello.example.com/a OK"
		copied = "shadow https://hello.example.com-shadow/a OK"
		match  = `{"hostRules":[{"hosts":["hello.example.com"],"pathMatcher":"m"}],"pathMatchers":[{"name":"m","defaultService":HELLO,`
	)
	iapAtMirror := func(o *fixture) {
		o.call("PATCH", "/compute/v1/projects/"+playground.Project+"/global/backendServices/"+shadow.Backend(),
			map[string]any{"iap": map[string]any{"enabled": true}})
	}
	for _, tc := range []struct {
		name  string
		setup []func(*fixture)
		who   string
		want  []string
	}{
		{"of the URL map's default route action", all(mirrored(`{"defaultRouteAction":MIRROR}`)), "", []string{all200, copied}},
		{"of a path matcher's", all(mirrored(match + `"defaultRouteAction":MIRROR}]}`)), "", []string{all200, copied}},
		{"of a path rule's", all(mirrored(match + `"pathRules":[{"paths":["/a"],"service":HELLO,"routeAction":MIRROR}]}]}`)), "",
			[]string{all200, copied}},
		{"of a route rule's", all(mirrored(match + `"routeRules":[{"priority":1,"matchRules":[{"prefixMatch":"/"}],` +
			`"service":HELLO,"routeAction":MIRROR}]}]}`)), "", []string{all200, copied}},
		{"not of another path's", all(mirrored(match + `"pathRules":[{"paths":["/b"],"service":HELLO,"routeAction":MIRROR}]}]}`)),
			"", []string{all200}},
		{"not of none in a hundred", all(mirrored(`{"defaultRouteAction":NONE}`)), "", []string{all200}},
		{"of whom IAP lets in", all(mirrored(`{"defaultRouteAction":MIRROR}`), protected), alice, []string{all200, copied}},
		{"not of whom IAP refuses", all(mirrored(`{"defaultRouteAction":MIRROR}`), protected), bob, nil},
		{"unless IAP at the mirror refuses", all(mirrored(`{"defaultRouteAction":MIRROR}`), iapAtMirror), "", []string{all200}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			o.Build(shadow)
			for _, do := range tc.setup {
				do(o)
			}
			got := o.visit(visit{host: o.Host, path: "/a", who: tc.who})
			if diff := cmp.Diff(tc.want, services(t, got)); diff != "" {
				t.Errorf("requests logged (-want +got):\n%s", diff)
			}
			if strings.Contains(got.body, `"service": "shadow"`) {
				t.Errorf("the visitor got the mirror's answer: %s", got.body)
			}
		})
	}
}

func TestAMirrorsProgramReadsTheBody(t *testing.T) {
	o := build(t, global, playground.Options{})
	o.Build(shadow)
	mirrored(`{"defaultRouteAction":MIRROR}`)(o)
	got := map[string]string{}
	for _, service := range []playground.LoadBalanced{global, shadow} {
		program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			got[service.Service] = string(text)
			_, _ = io.WriteString(w, service.Service)
		}))
		t.Cleanup(program.Close)
		o.Cloud.DataPlane().Contain(service.Name(), program.URL)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.DataURL()+"/", strings.NewReader("order"))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = o.Host
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if diff := cmp.Diff(map[string]string{"hello": "order", "shadow": "order"}, got); diff != "" || string(answer) != "hello" {
		t.Errorf("the visitor got %q; bodies (-want +got):\n%s", answer, diff)
	}
}
