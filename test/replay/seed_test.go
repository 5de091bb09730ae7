package replay

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// seed makes the resource that a recorded answer shows, as far as a client can
// make it, and reports whether it tried: the exchange presumes that it is there.
func (p *player) seed(x exchange, recorded any) bool {
	object, ok := recorded.(map[string]any)
	if !ok {
		return false
	}
	switch {
	case strings.HasPrefix(x.host, "pubsub."):
		if topic, ok := object["topic"].(string); ok {
			p.put(x.host, "/v1/"+p.ours(topic), "{}")
		}
		p.put(x.host, x.path, p.ours(compactJSON(object)))
	case strings.HasSuffix(x.path, ":getIamPolicy") && strings.HasPrefix(x.host, "run."):
		service := strings.TrimSuffix(x.path, ":getIamPolicy")
		parent, name, _ := strings.Cut(service, "/services/")
		_, parent, _ = strings.Cut(parent, "/v1/")
		p.made(exchange{
			verb: http.MethodPost, host: "run.googleapis.com", path: "/v2/" + parent + "/services", query: "serviceId=" + name,
			body: `{"template":{"containers":[{"image":"gcr.io/cloudrun/hello"}]}}`,
		})
		p.setPolicy(exchange{host: x.host, path: service}, object)
	case strings.HasPrefix(x.host, "cloudkms."):
		ring, key, _ := strings.Cut(strings.TrimSuffix(x.path, ":getIamPolicy"), "/cryptoKeys/")
		parent, name, _ := strings.Cut(ring, "/keyRings/")
		p.made(exchange{verb: http.MethodPost, host: x.host, path: parent + "/keyRings", query: "keyRingId=" + name, body: "{}"})
		// The recorded key encrypted: only keys that sign are served, and a policy is that of any key.
		p.made(exchange{verb: http.MethodPost, host: x.host, path: ring + "/cryptoKeys", query: "cryptoKeyId=" + key,
			body: `{"purpose":"ASYMMETRIC_SIGN","versionTemplate":{"algorithm":"EC_SIGN_P256_SHA256"}}`})
	case strings.Contains(x.path, "/compute/"):
		p.insert(x, object)
	default:
		return false
	}
	return true
}

func (p *player) put(host, path, body string) {
	p.call(exchange{verb: http.MethodPut, host: host, path: path, body: body})
}

// made makes a resource and waits for the operation.
func (p *player) made(x exchange) {
	p.t.Helper()
	if status, answer := p.call(x); status == http.StatusOK {
		object, _ := answer.(map[string]any)
		p.wait(x.host, object)
	}
}

// setPolicy sets the IAM policy of a resource to a recorded one.
func (p *player) setPolicy(x exchange, policy map[string]any) {
	x.verb, x.path = http.MethodPost, x.path+":setIamPolicy"
	x.body = p.ours(compactJSON(map[string]any{"policy": map[string]any{
		"bindings": policy["bindings"], "auditConfigs": policy["auditConfigs"], "version": policy["version"],
	}, "updateMask": "bindings,etag,auditConfigs"}))
	p.call(x)
}

// seedLists makes what a recorded list holds.
func (p *player) seedLists(x exchange) {
	object, _ := x.answer.(map[string]any)
	path := p.ours(x.path)
	switch items := object["items"].(type) {
	case []any:
		for _, item := range items {
			if each, ok := item.(map[string]any); ok {
				p.item(x.host, path, each)
			}
		}
	case map[string]any:
		for _, scope := range items {
			for _, list := range scope.(map[string]any) {
				each, _ := list.([]any)
				for _, item := range each {
					if one, ok := item.(map[string]any); ok {
						p.item(x.host, path, one)
					}
				}
			}
		}
	}
}

func (p *player) item(host, path string, item map[string]any) {
	if link, ok := item["selfLink"].(string); ok && strings.HasPrefix(path, "/compute/") {
		p.insert(exchange{host: host, path: "/" + strings.TrimPrefix(p.ours(link), "https://www.googleapis.com/")}, item)
		return
	}
	if item["apiVersion"] == "serving.knative.dev/v1" {
		metadata, _ := item["metadata"].(map[string]any)
		labels, _ := metadata["labels"].(map[string]any)
		region, _ := labels["cloud.googleapis.com/location"].(string)
		p.call(exchange{
			verb: http.MethodPost, host: region + "-run.googleapis.com",
			path: "/apis/serving.knative.dev/v1/namespaces/demo-project/services", body: p.ours(compactJSON(item)),
		})
		name, _ := metadata["name"].(string)
		for range 1000 {
			_, answer := p.call(exchange{
				verb: http.MethodGet, host: "run.googleapis.com", path: "/v2/projects/demo-project/locations/" + region + "/services/" + name,
			})
			if one, _ := answer.(map[string]any); one["reconciling"] != true {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// links are references to load balancers' resources.
var links = regexp.MustCompile(`"https://[^"]*/(compute/[a-z0-9]+/projects/[^"]*/` +
	`(backendServices|backendBuckets|healthChecks|urlMaps|targetHttpProxies|targetHttpsProxies|` +
	`sslCertificates)/[^"/]+)"`)

// insert makes a load balancer's resource, and before it stand-ins of those
// that it refers to.
func (p *player) insert(x exchange, object map[string]any) {
	text := p.ours(compactJSON(object))
	for _, link := range links.FindAllStringSubmatch(text, -1) {
		if path := "/" + link[1]; path != x.path && !strings.HasPrefix(path, x.path+"/") {
			p.standIn(x.host, path)
		}
	}
	if _, ok := object["certificate"]; ok {
		text = strings.Replace(text, `"certificate"`, `"privateKey":"`+"-----BEGIN PRIVATE KEY-----"+`","certificate"`, 1)
	}
	p.made(exchange{verb: http.MethodPost, host: x.host, path: x.path[:strings.LastIndexByte(x.path, '/')], body: text})
	if labels, ok := object["labels"]; ok && strings.Contains(x.path, "/forwardingRules/") { // an insert takes none
		_, answer := p.call(exchange{verb: http.MethodGet, host: x.host, path: x.path})
		one, _ := answer.(map[string]any)
		p.made(exchange{
			verb: http.MethodPost, host: x.host, path: x.path + "/setLabels",
			body: compactJSON(map[string]any{"labels": labels, "labelFingerprint": one["labelFingerprint"]}),
		})
	}
}

// standIn makes the smallest resource of its kind.
func (p *player) standIn(host, path string) {
	if status, _ := p.call(exchange{verb: http.MethodGet, host: host, path: path}); status == http.StatusOK {
		return
	}
	at := strings.LastIndexByte(path, '/')
	parent, name := path[:at], path[at+1:]
	scope := parent[:strings.LastIndexByte(parent, '/')]
	body := `{"name":"` + name + `"`
	switch {
	case strings.HasSuffix(parent, "/urlMaps"):
		p.standIn(host, scope+"/backendServices/stand-in")
		body += `,"defaultService":"https://www.googleapis.com` + scope + `/backendServices/stand-in"`
	case strings.HasSuffix(parent, "Proxies"):
		p.standIn(host, scope+"/urlMaps/stand-in")
		body += `,"urlMap":"https://www.googleapis.com` + scope + `/urlMaps/stand-in"`
	case strings.HasSuffix(parent, "/healthChecks"):
		body += `,"type":"TCP","tcpHealthCheck":{}`
	case strings.HasSuffix(parent, "/backendBuckets"):
		body += `,"bucketName":"stand-in"`
	case strings.HasSuffix(parent, "/sslCertificates"):
		body += `,"type":"MANAGED","managed":{"domains":["www.example.com"]}`
	}
	p.made(exchange{verb: http.MethodPost, host: host, path: parent, body: body + "}"})
}
