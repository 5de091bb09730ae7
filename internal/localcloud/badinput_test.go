package localcloud_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
)

// creates are calls that make something, of every API that has one.
var creates = []struct {
	verb, path, body string
	named            bool // the path ends with the id
	loose            bool // not yet on the engine: fields and ids are not checked
}{
	{"POST", "/v2/projects/demo-project/locations/us-central1/services?serviceId=", `{"template":{"containers":[{"image":"i"}]}}`, true, false},
	{"POST", "/apis/serving.knative.dev/v1/namespaces/demo-project/services", `{"metadata":{"name":"ID"}}`, false, false},
	{"POST", "/apis/domains.cloudrun.com/v1/namespaces/demo-project/domainmappings", `{"metadata":{"name":"ID"}}`, false, false},
	{"POST", "/compute/v1/projects/demo-project/global/backendServices", `{"name":"ID"}`, false, false},
	{"POST", "/compute/v1/projects/demo-project/global/urlMaps", `{"name":"ID"}`, false, false},
	{"POST", "/v1/projects/demo-project/serviceAccounts", `{"accountId":"ID"}`, false, false},
	{"POST", "/v1/projects/demo-project/roles", `{"roleId":"ID"}`, false, false},
	{"POST", "/v1/projects/demo-project/secrets?secretId=", `{"replication":{"automatic":{}}}`, true, false},
	{"POST", "/v1/projects/demo-project/locations/us-central1/jobs", `{"name":"projects/demo-project/locations/us-central1/jobs/ID"}`, false, false},
	{"POST", "/v1/projects/demo-project/locations/us-central1/triggers?triggerId=", `{}`, true, false},
	{"POST", "/v2/projects/demo-project/sinks", `{"name":"ID","destination":"pubsub.googleapis.com/projects/demo-project/topics/t"}`, false, false},
	{"PUT", "/v1/projects/demo-project/topics/", `{}`, true, true},
	{"PUT", "/v1/projects/demo-project/subscriptions/", `{"topic":"projects/demo-project/topics/t"}`, true, true},
	{"POST", "/storage/v1/b?project=demo-project", `{"name":"ID"}`, false, true},
	{"PATCH", "/v1/projects/demo-project/iap_web:iapSettings", `{"name":"ID"}`, false, false},
}

// refusedAs sends a request and reports what is wrong with its answer, which must be
// an error of Google's form with a status below 500.
func refusedAs(t *testing.T, r *http.Request, statuses ...int) {
	t.Helper()
	r.Host = "us-central1-run.googleapis.com"
	status, text := send(t, r)
	var body struct {
		Error struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || body.Error.Code != status || body.Error.Message == "" {
		t.Errorf("%s %s: %d %.300s: not an error of Google's form", r.Method, r.URL.Path, status, text)
		return
	}
	for _, want := range statuses {
		if status == want {
			return
		}
	}
	t.Errorf("%s %s: %d %.300s, want one of %v", r.Method, r.URL.Path, status, text, statuses)
}

func TestEveryAPIRefusesBadInputInGooglesForm(t *testing.T) {
	base := serve(t, localcloud.Options{})
	const id = "shop"
	nested := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	long := strings.Repeat("a", 300)
	for _, each := range creates {
		path := func(id string) string {
			if each.named {
				return base + each.path + id
			}
			return base + each.path
		}
		body := strings.ReplaceAll(each.body, "ID", id)
		for name, sent := range map[string]string{
			"too large": `{"a":"` + strings.Repeat("x", 10<<20) + `"}`, "nested": nested, "half": body[:len(body)-1],
			"a list": "[" + body + "]", "text": `"x"`, "two": body + body, "not JSON": "<xml/>", "an unknown field": `{"colour":1}`,
			"not UTF-8": "{\"\xff\":1}",
		} {
			if each.loose && name == "an unknown field" {
				continue
			}
			t.Run(each.path+" "+name, func(t *testing.T) { refusedAs(t, request(t, each.verb, path(id), sent), 400) })
		}
		t.Run(each.path+" a form", func(t *testing.T) {
			r := request(t, each.verb, path(id), strings.ReplaceAll(each.body, "{}", `{"x":1}`))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			refusedAs(t, r, 400)
		})
		if each.loose || strings.Contains(each.path, "iapSettings") { // which has no id
			continue
		}
		t.Run(each.path+" a long id", func(t *testing.T) {
			refusedAs(t, request(t, each.verb, path(long), strings.ReplaceAll(each.body, "ID", long)), 400, 404)
		})
	}
}

func TestWhatIsNotServedIsACleanNotFound(t *testing.T) {
	base := serve(t, localcloud.Options{})
	for _, path := range []string{
		"/v9/projects/demo-project", "/v9/projects/demo-project/locations/us-central1/services", "/compute/v9/projects/demo-project",
		"/v1/projects/demo-project/instances", "/dns/v1/projects/demo-project/managedZones", "/", "/v2/" + strings.Repeat("x", 3000),
		"/v2/projects/demo-project/locations/us-central1/services/" + strings.Repeat("a", 300), "/%00", "//x", "/v1/%2e%2e/x",
		"/apis/serving.knative.dev/v9/namespaces/demo-project/services", "/v2/projects/demo-project/locations/us-central1/services/a:none",
	} {
		refusedAs(t, request(t, "GET", base+path, ""), 404)
	}
	for _, verb := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		refusedAs(t, request(t, verb, base+"/v9/x", ""), 404)
	}
}

func TestOnlyThisMachineAndGooglesNamesAreAnswered(t *testing.T) {
	base := serve(t, localcloud.Options{})
	port := base[strings.LastIndex(base, ":"):]
	for _, tc := range []struct {
		host, origin string
		want         int
	}{
		{"", "", 200}, {"localhost", "", 200}, {"cloud.localhost" + port, "", 200}, {"[::1]" + port, "", 200},
		{"us-central1-127.0.0.1" + port, "", 200}, {"run.googleapis.com", "", 200}, {"Bucket.Storage.GoogleAPIs.com", "", 200},
		{"", "http://localhost:3000", 200}, {"", "https://run.googleapis.com", 200},
		{"evil.example.com" + port, "", 403}, {"127.0.0.1.evil.example.com", "", 403}, {"evilgoogleapis.com", "", 403},
		{"192.0.2.7", "", 403}, {"us-central1-run.googleapis.com.evil.example.com", "", 403}, {"localhost.evil.example.com", "", 403},
		{"", "https://evil.example.com", 403}, {"", "null", 403}, {"run.googleapis.com", "https://googleapis.com.evil.example.com", 403},
	} {
		for _, path := range []string{
			"/v1/projects/demo-project", "/v2/projects/demo-project/locations/us-central1/services",
			"/compute/v1/projects/demo-project/global/urlMaps", "/storage/v1/b?project=demo-project",
		} {
			r := request(t, "GET", base+path, "")
			if tc.host != "" {
				r.Host = tc.host
			}
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			if status, body := send(t, r); status != tc.want || !json.Valid([]byte(body)) {
				t.Errorf("%s as host %q from %q: %d %s, want %d", path, tc.host, tc.origin, status, body, tc.want)
			}
		}
	}
}
