package scale

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud"
)

const (
	computePath = "/compute/v1/projects/demo-project/"
	runPath     = "/v2/projects/demo-project/locations/us-central1/services"
)

// population is a local cloud with n services, each behind a load balancer of
// its own. It is served over loopback, as clients meet it.
type population struct {
	t        testing.TB
	cloud    *localcloud.Cloud
	handler  http.Handler // what calls are made to
	api      *httptest.Server
	frontend *httptest.Server
}

func newCloud(t testing.TB, options localcloud.Options) *population {
	t.Helper()
	options.OperationTime = time.Millisecond
	cloud := localcloud.New(options)
	p := &population{t: t, cloud: cloud, handler: cloud, api: httptest.NewServer(cloud), frontend: httptest.NewServer(cloud.DataPlane())}
	t.Cleanup(func() { p.api.Close(); p.frontend.Close(); cloud.Close() })
	return p
}

type object = map[string]any

// call is one API call without a network between, for what is not measured.
func (p *population) call(verb, path string, body any) object {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, httptest.NewRequest(verb, "http://localhost"+path, bytes.NewReader(text)))
	if recorder.Code != http.StatusOK {
		p.t.Fatalf("%s %s: %d %s", verb, path, recorder.Code, recorder.Body)
	}
	var answer object
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// refused is one API call without a network between that has to fail, and its
// answer.
func (p *population) refused(verb, path string) []byte {
	p.t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(verb, path, nil)
	request.Host = "compute.googleapis.com"
	p.handler.ServeHTTP(recorder, request)
	if recorder.Code < http.StatusBadRequest {
		p.t.Fatalf("%s %s: %d %s, want an error", verb, path, recorder.Code, recorder.Body)
	}
	return recorder.Body.Bytes()
}

// get is one API call over loopback.
func (p *population) get(path string) []byte {
	p.t.Helper()
	response, err := http.Get(p.api.URL + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("GET %s: %d %s %v", path, response.StatusCode, text, err)
	}
	return text
}

// discard is get for what only takes time: the answer is not kept.
func (p *population) discard(path string) {
	p.t.Helper()
	response, err := http.Get(p.api.URL + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n == 0 || response.StatusCode != http.StatusOK {
		p.t.Fatalf("GET %s: %d, %d bytes, %v", path, response.StatusCode, n, err)
	}
}

func name(i int) string { return fmt.Sprintf("app-%05d", i) }

func host(i int) string { return name(i) + ".example.com" }

func link(path string) string { return "https://www.googleapis.com" + computePath + path }

// services adds the services from first up to n, each with its NEG, its backend
// service behind IAP and its URL map.
func (p *population) services(first, n int) {
	p.t.Helper()
	for i := first; i < n; i++ {
		p.call("POST", runPath+"?serviceId="+name(i), object{
			"ingress":  "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
			"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}},
		})
		p.call("POST", computePath+"regions/us-central1/networkEndpointGroups", object{
			"name": name(i), "networkEndpointType": "SERVERLESS", "cloudRun": object{"service": name(i)},
		})
		p.call("POST", computePath+"global/backendServices", object{
			"name": name(i), "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS",
			"iap": object{"enabled": true}, "logConfig": object{"enable": true},
			"backends": []any{object{"group": link("regions/us-central1/networkEndpointGroups/" + name(i))}},
		})
		p.call("POST", computePath+"global/urlMaps", object{
			"name": name(i), "defaultService": link("global/backendServices/" + name(i)),
			"hostRules":    []any{object{"hosts": []any{host(i)}, "pathMatcher": "all"}},
			"pathMatchers": []any{object{"name": "all", "defaultService": link("global/backendServices/" + name(i))}},
		})
	}
	p.settle()
}

// frontends adds a proxy and a forwarding rule to the services from first up to n.
func (p *population) frontends(first, n int) {
	p.t.Helper()
	for i := first; i < n; i++ {
		p.call("POST", computePath+"global/targetHttpProxies",
			object{"name": name(i), "urlMap": link("global/urlMaps/" + name(i))})
		p.call("POST", computePath+"global/forwardingRules", object{
			"name": name(i), "loadBalancingScheme": "EXTERNAL_MANAGED", "portRange": "80",
			"target": link("global/targetHttpProxies/" + name(i)),
		})
	}
	p.settle()
}

// settle waits for what was made; a program's operations end at once.
func (p *population) settle() {
	if p.cloud != nil {
		p.cloud.Settle()
	}
}

// ask sends a stranger's request to the load balancer of a host, which IAP
// refuses.
func (p *population) ask(host string) {
	p.t.Helper()
	request, err := http.NewRequest("GET", p.frontend.URL+"/", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusFound || !strings.Contains(string(text), "IAP") {
		p.t.Fatalf("%s: %d %s %v, want the 302 of IAP", host, response.StatusCode, text, err)
	}
}
