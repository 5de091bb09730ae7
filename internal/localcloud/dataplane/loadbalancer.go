package dataplane

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// What a load balancer's log says about who answered
// (load-balancing/docs/https/https-logging-monitoring, statusDetails).
const (
	byBackend   = "response_sent_by_backend"
	byIAP       = "handled_by_identity_aware_proxy"
	byBothIAPs  = "multiple_iap_policies"
	byNoBackend = "failed_to_pick_backend"
)

// wordsOfIAP are those that say that IAP answered. That proxyStatus has them is unverified.
var wordsOfIAP = []string{byIAP, byBothIAPs, byPolicyIAP}

// throughFrontend is a request's way through a load balancer, which counts it.
func (s snapshot) throughFrontend(r request, f frontend) outcome {
	r.scheme = f.scheme()
	to := f.router.route(r.host, r.path)
	backend := s.compute(to.backend)
	result := s.routed(r, f, to, backend)
	result.counted = s.countOf(r, f, backend, result.answer.status)
	return result
}

// routed is the way of a request behind the URL map.
func (s snapshot) routed(r request, f frontend, to destination, backend object) outcome {
	c, stopped := s.authorized(r, f, backend)
	if stopped != nil {
		if logged(backend) {
			stopped.entries = append(stopped.entries, s.loadBalancerEntry(r, f, backend, *stopped))
		}
		return *stopped
	}
	if to.redirect != nil {
		return outcome{answer: redirected(r, to.redirect)}
	}
	if backend == nil {
		return outcome{answer: plain(http.StatusNotFound, "default backend - 404")}
	}
	mirror := s.compute(to.mirror)
	shadow := r
	if mirror != nil {
		c.body, shadow.body = twice(r.body)
	}
	result := s.throughBackend(c, backend)
	if logged(backend) {
		result.entries = append(result.entries, s.loadBalancerEntry(r, f, backend, result))
	}
	if mirror != nil && result.details == byBackend {
		result.entries = append(result.entries, s.throughMirror(shadow, mirror)...)
	}
	return result
}

// throughMirror sends the copy of a request to a mirrored backend service and returns what
// is logged there. Nobody gets its answer, and the load balancer does not log the copy.
// Source: the discovery document, RequestMirrorPolicy ("suffixed with -shadow"). That only
// what IAP lets pass is mirrored, and that IAP at the mirror is asked too, is unverified.
func (s snapshot) throughMirror(r request, mirror object) []logging.Entry {
	r.host += "-shadow"
	return s.throughBackend(call{request: r, token: s.caller(r), from: external}, mirror).entries
}

// twice is a request's body for two readers.
func twice(body io.Reader) (first, second io.Reader) {
	if body == nil {
		return nil, nil
	}
	// A body that ends early ends early for the program behind the service, too.
	text, _ := io.ReadAll(io.LimitReader(body, mostAnswered))
	return bytes.NewReader(text), bytes.NewReader(text)
}

// throughBackend passes IAP, if it is on, and calls the service behind.
func (s snapshot) throughBackend(c call, backend object) outcome {
	service := s.serviceBehind(backend, c.request)
	if apiserver.Text(backend, "loadBalancingScheme") == "INTERNAL_MANAGED" {
		c.from = internal
	}
	if apiserver.Object(backend, "iap")["enabled"] == true {
		if service["iapEnabled"] == true {
			return outcome{answer: bothIAPs(), details: byBothIAPs}
		}
		gate := s.gateOf(backend, c.rule)
		passed, refusal := s.admit(c.request, gate)
		if refusal != nil {
			return outcome{answer: *refusal, details: byIAP}
		}
		if s.Beliefs.LoopClassicHTTP2 && apiserver.Text(backend, "loadBalancingScheme") == "EXTERNAL" && takesHTTP2(service) {
			return outcome{answer: *fromIAP(backToItself(c.request)), details: byIAP}
		}
		c = asAgent(c, gate, passed)
	}
	if service == nil {
		return outcome{answer: plain(http.StatusServiceUnavailable, "no healthy upstream"), details: byNoBackend}
	}
	result := s.intoService(service, c)
	result.details = byBackend
	return result
}

// takesHTTP2 reports whether the container of a service takes HTTP/2 end to end
// (run/docs/configuring/http2).
func takesHTTP2(service object) bool {
	for _, each := range apiserver.List(apiserver.Object(service, "template"), "containers") {
		container, _ := each.(object)
		for _, one := range apiserver.List(container, "ports") {
			if port, _ := one.(object); apiserver.Text(port, "name") == "h2c" {
				return true
			}
		}
	}
	return false
}

// backToItself sends a visitor to where they are.
func backToItself(r request) answer {
	a := plain(http.StatusFound, "")
	a.header.Set("Location", r.url())
	return a
}

// serviceBehind is the Cloud Run service that a backend service sends a request
// to: that of its first serverless NEG that has one. Real load balancers take
// the one nearest to the client.
func (s snapshot) serviceBehind(backend object, r request) object {
	for _, entry := range apiserver.List(backend, "backends") {
		member, _ := entry.(object)
		neg := s.compute(apiserver.Text(member, "group"))
		to := apiserver.Object(neg, "cloudRun")
		name := apiserver.Text(to, "service")
		if mask := apiserver.Text(to, "urlMask"); name == "" && mask != "" {
			name = unmask(mask, r)
		}
		if name == "" {
			continue
		}
		if service := s.service(s.projectOf(neg).Name() + "/locations/" + regionOf(neg) + "/services/" + name); service != nil {
			return service
		}
	}
	return nil
}

// placeholder is what a URL mask has in place of a name.
var placeholder = regexp.MustCompile(`<(service|tag)>`)

// unmask reads the service's name off a URL by a mask such as
// "example.com/<service>" or "<service>.example.com"
// (load-balancing/docs/negs/serverless-neg-concepts, URL masks); "" where the
// URL does not fit.
func unmask(mask string, r request) string {
	pattern := placeholder.ReplaceAllStringFunc(regexp.QuoteMeta(mask), func(name string) string {
		return "(?P" + name + "[a-z0-9-]+?)"
	})
	on := r.host + r.path
	if strings.HasPrefix(mask, "/") {
		on = r.path
	}
	compiled, err := regexp.Compile("^" + pattern + "(?:/|$)")
	if err != nil {
		return ""
	}
	m := compiled.FindStringSubmatch(on)
	if i := compiled.SubexpIndex("service"); m != nil && i > 0 {
		return m[i]
	}
	return ""
}

// redirectCodes are the statuses of a URL map's redirects; 301 where none is named.
var redirectCodes = map[string]int{
	"FOUND": http.StatusFound, "SEE_OTHER": http.StatusSeeOther,
	"TEMPORARY_REDIRECT": http.StatusTemporaryRedirect, "PERMANENT_REDIRECT": http.StatusPermanentRedirect,
}

// redirected answers as a URL map's redirect says.
func redirected(r request, to object) answer {
	target := url.URL{Scheme: r.scheme, Host: r.host, Path: r.path, RawQuery: r.query}
	if to["httpsRedirect"] == true {
		target.Scheme = "https"
	}
	if host := apiserver.Text(to, "hostRedirect"); host != "" {
		target.Host = host
	}
	if path := apiserver.Text(to, "pathRedirect"); path != "" {
		target.Path = path
	}
	if to["stripQuery"] == true {
		target.RawQuery = ""
	}
	code, ok := redirectCodes[apiserver.Text(to, "redirectResponseCode")]
	if !ok {
		code = http.StatusMovedPermanently
	}
	a := plain(code, "")
	a.header.Set("Location", target.String())
	return a
}

// logged reports whether a backend service's requests are logged. Of a sample
// rate between none and all, all are logged, so that a log can be relied on.
func logged(backend object) bool {
	config := apiserver.Object(backend, "logConfig")
	rate, sampled := config["sampleRate"]
	return config["enable"] == true && (!sampled || number(rate) > 0)
}

// audienceOf is what IAP's assertion for a backend service is made out to, by the service's
// own project (iap/docs/signed-headers-howto).
func (s snapshot) audienceOf(backend object) string {
	place := "global"
	if region := regionOf(backend); region != "" {
		place = region
	}
	return fmt.Sprintf("/%s/%s/backendServices/%s", s.projectOf(backend).Numbered(), place, apiserver.Text(backend, "id"))
}
