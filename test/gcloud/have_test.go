package gcloud

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// What a test needs but is not about is made without gcloud, whose commands take a fifth
// of a second of a processor each.

type object = map[string]any

const link = "https://www.googleapis.com/compute/v1/projects/demo-project/"

// haveService makes a service that only invokers may call.
func (l *local) haveService(name, region string) {
	l.t.Helper()
	l.made("/v2/projects/demo-project/locations/"+region+"/services?serviceId="+name,
		object{"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}}})
}

// haveWorkerPool makes a worker pool, which gcloud writes by gRPC alone.
func (l *local) haveWorkerPool(name, region string) {
	l.t.Helper()
	l.made("/v2/projects/demo-project/locations/"+region+"/workerPools?workerPoolId="+name,
		object{"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/worker"}}}})
}

// haveShop makes what deployShop does.
func (l *local) haveShop() {
	l.t.Helper()
	l.haveService("shop", "us-central1")
	l.made("/v2/projects/demo-project/locations/us-central1/services/shop:setIamPolicy",
		object{"policy": object{"bindings": []any{object{"role": "roles/run.invoker", "members": []any{"allUsers"}}}}})
	for _, each := range []struct {
		collection string
		body       object
	}{
		{"regions/us-central1/networkEndpointGroups", object{"name": "shop-neg", "networkEndpointType": "SERVERLESS",
			"cloudRun": object{"service": "shop"}}},
		{"global/backendServices", object{"name": "shop-be", "loadBalancingScheme": "EXTERNAL_MANAGED",
			"backends": []any{object{"group": link + "regions/us-central1/networkEndpointGroups/shop-neg"}}}},
		{"global/urlMaps", object{"name": "shop-map", "defaultService": link + "global/backendServices/shop-be"}},
		{"global/sslCertificates", object{"name": "shop-cert", "type": "MANAGED", "managed": object{"domains": []any{"shop.example.com"}}}},
		{"global/targetHttpsProxies", object{"name": "shop-proxy", "urlMap": link + "global/urlMaps/shop-map",
			"sslCertificates": []any{link + "global/sslCertificates/shop-cert"}}},
		{"global/forwardingRules", object{"name": "shop-https", "target": link + "global/targetHttpsProxies/shop-proxy",
			"portRange": "443-443", "loadBalancingScheme": "EXTERNAL_MANAGED"}},
	} {
		l.made("/compute/v1/projects/demo-project/"+each.collection, each.body)
	}
}

// made posts a body, and waits for the operation that is answered, if one is.
func (l *local) made(path string, body object) {
	l.t.Helper()
	answer := l.post(path, body)
	name, _ := answer["name"].(string)
	self, _ := answer["selfLink"].(string)
	switch _, operation, _ := strings.Cut(self, "/compute/v1/"); {
	case answer["kind"] == "compute#operation":
		answer = l.post("/compute/v1/"+operation+"/wait", nil)
	case strings.Contains(name, "/operations/"):
		answer = l.post("/v2/"+name+":wait", nil)
	}
	if answer["error"] != nil {
		l.t.Fatalf("%s: %v", path, answer["error"])
	}
}

func (l *local) post(path string, body object) (answer object) {
	l.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			l.t.Fatal(err)
		}
	}
	response, err := http.Post(l.url+path, "application/json", bytes.NewReader(text))
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(got, &answer)
	}
	if err != nil || response.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %d %s %v", path, response.StatusCode, got, err)
	}
	return answer
}
