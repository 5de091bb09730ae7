package localcloud_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

func serve(t *testing.T, options localcloud.Options) string {
	t.Helper()
	options.Discovery = discovery.Judge(t)
	cloud := localcloud.New(options)
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	return server.URL
}

func send(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func request(t *testing.T, verb, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(verb, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOwnEndpointsAnswerOnlyToThisMachine(t *testing.T) {
	base := serve(t, localcloud.Options{Console: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "console")
	})})
	port := base[strings.LastIndex(base, ":"):]
	for _, path := range []string{"/_local/state", "/_local/calls", "/console"} {
		for _, tc := range []struct {
			host, origin string
			want         int
		}{
			{"", "", 200},
			{"localhost" + port, "", 200},
			{"[::1]" + port, "", 200},
			{"127.0.0.1", "http://localhost:3000", 200},
			{"evil.example.com" + port, "", 403},
			{"127.0.0.1.evil.example.com", "", 403},
			{"", "https://evil.example.com", 403},
			{"", "null", 403},
		} {
			r := request(t, "GET", base+path, "")
			if tc.host != "" {
				r.Host = tc.host
			}
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			if status, body := send(t, r); status != tc.want {
				t.Errorf("%s as host %q from %q: %d %s, want %d", path, tc.host, tc.origin, status, body, tc.want)
			}
		}
	}
	if status, body := send(t, request(t, "GET", base+"/_local/nothing", "")); status != 404 || !json.Valid([]byte(body)) {
		t.Errorf("an endpoint that is not there: %d %s", status, body)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	base := serve(t, localcloud.Options{})
	_, before := send(t, request(t, "GET", base+"/_local/state", ""))
	send(t, request(t, "POST", base+"/compute/v1/projects/demo-project/global/backendServices", `{"name":"be"}`))
	send(t, request(t, "POST", base+"/v1beta1/projects/demo-project/services/iap.googleapis.com:generateServiceIdentity", ""))
	if _, changed := send(t, request(t, "GET", base+"/_local/state", "")); changed == before {
		t.Fatal("the writes left the state as it was")
	}
	if status, _ := send(t, request(t, "POST", base+"/_local/reset", "")); status != 200 {
		t.Fatalf("reset: %d", status)
	}
	_, after := send(t, request(t, "GET", base+"/_local/state", ""))
	if diff := cmp.Diff(withoutEtags(t, before), withoutEtags(t, after)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if _, calls := send(t, request(t, "GET", base+"/_local/calls", "")); calls != "[]\n" {
		t.Errorf("calls after a reset: %s", calls)
	}
}

// withoutEtags decodes a state, less the etag of the project's policy.
func withoutEtags(t *testing.T, state string) map[string]any {
	t.Helper()
	var decoded map[string]any
	if err := json.Unmarshal([]byte(state), &decoded); err != nil {
		t.Fatal(err)
	}
	delete(decoded["iamPolicies"].(map[string]any)["projects/demo-project"].(map[string]any), "etag")
	return decoded
}

func TestItWorksAsAPlainProxyForGooglesHosts(t *testing.T) {
	base := serve(t, localcloud.Options{})
	proxy, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	response, err := client.Get("http://cloudresourcemanager.googleapis.com/v1/projects/demo-project")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var project map[string]any
	if err := json.NewDecoder(response.Body).Decode(&project); err != nil || project["projectNumber"] != "123456789012" {
		t.Errorf("%v %v", project, err)
	}
	r := request(t, "CONNECT", base, "")
	r.URL.Opaque = "run.googleapis.com:443"
	if status, body := send(t, r); status != 405 || !json.Valid([]byte(body)) {
		t.Errorf("CONNECT: %d %s, want a JSON 405", status, body)
	}
}

func TestWritesAppearInTheStreamOfEvents(t *testing.T) {
	base := serve(t, localcloud.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	response, err := http.DefaultClient.Do(request(t, "GET", base+"/_local/events", "").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	send(t, request(t, "POST", base+"/compute/v1/projects/demo-project/global/backendServices", `{"name":"be"}`))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `v1.compute.backendServices.insert`) {
			return
		}
	}
	t.Errorf("the stream ended without the write: %v", lines.Err())
}

func TestTwoCloudsShareNothing(t *testing.T) {
	one, other := serve(t, localcloud.Options{}), serve(t, localcloud.Options{})
	send(t, request(t, "POST", one+"/compute/v1/projects/demo-project/global/backendServices", `{"name":"be"}`))
	if status, _ := send(t, request(t, "GET", other+"/compute/v1/projects/demo-project/global/backendServices/be",
		"")); status != 404 {
		t.Errorf("a write to one cloud changed the other, which answers %d", status)
	}
}

func TestEnumsAreNumbersForClientsThatAskForThem(t *testing.T) {
	base := serve(t, localcloud.Options{})
	const project = "/v3/projects/demo-project"
	for query, want := range map[string]string{
		"": `"state": "ACTIVE"`, "?$alt=json%3Benum-encoding%3Dint": `"state": 1`, "?alt=json": `"state": "ACTIVE"`,
	} {
		if status, body := send(t, request(t, "GET", base+project+query, "")); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%q answered %d, %s, want %s in it", query, status, body, want)
		}
	}
}

func TestAProjectsIapSettingsAreNotAProjectWithAColon(t *testing.T) {
	base := serve(t, localcloud.Options{})
	status, body := send(t, request(t, "GET", base+"/v1/projects/demo-project:iapSettings", ""))
	if status != 200 || !strings.Contains(body, `"name": "projects/123456789012"`) {
		t.Errorf("it answered %d, %s", status, body)
	}
}
