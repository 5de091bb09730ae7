// Package refusal knows the requests that were refused before a service, as request logs
// have them: who refused, and how. It is pure.
package refusal

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Log says in whose log a refused request was found.
type Log string

// The request logs.
const (
	CloudRunLog     Log = "cloud-run"     // Cloud Run refused, or its container did
	LoadBalancerLog Log = "load-balancer" // IAP refused, before Cloud Run
)

// Request is one refused request, as a request log has it. What the client
// sent is for reading only.
type Request struct {
	Log       Log
	Status    int
	Text      string // Cloud Run's own explanation, or the load balancer's word for it; "" = the application's answer
	URL       string // without query
	UserAgent string // of the refused client
	Revision  string // that refused; "" from a load balancer
	At        time.Time
}

// Kind says who refused a request, and how.
type Kind string

// The refusals, the strongest evidence first: a fault of IAP's own needs a cure, anybody on
// the internet can cause the last ones.
const (
	IAPFailed    Kind = "iap-failed"       // IAP could not do its work: 500, 502
	NotInvoker   Kind = "not-invoker"      // Cloud Run's invoker check: 403
	NotAccessor  Kind = "not-accessor"     // IAP knows the visitor: 403
	ForeignToken Kind = "foreign-token"    // Cloud Run cannot verify the bearer token: 401
	NotSignedIn  Kind = "not-signed-in"    // IAP got no credentials that it takes: 401
	ByContainer  Kind = "by-the-container" // the application's own answer
	unknown      Kind = "unknown"          // a status that none of these gives
)

// Kinds lists the refusals that a diagnosis starts from, the strongest evidence first.
func Kinds() []Kind {
	return []Kind{IAPFailed, NotInvoker, NotAccessor, ForeignToken, NotSignedIn}
}

// Kind says who refused the request, and how.
func (r Request) Kind() Kind {
	switch {
	case r.Log == LoadBalancerLog && (r.Status == 500 || r.Status == 502):
		return IAPFailed
	case r.Log == LoadBalancerLog && r.Status == 403:
		return NotAccessor
	case r.Log == LoadBalancerLog && r.Status == 401:
		return NotSignedIn
	case r.Log == LoadBalancerLog:
		return unknown
	case r.Status == 403 && ByInvokerCheck(r.Text):
		return NotInvoker
	case r.Status == 401 && ByInvokerCheck(r.Text):
		return ForeignToken
	}
	return ByContainer
}

// LoadBalancerTypes are the resource types of the request logs of Application Load
// Balancers, sorted: regional external, global and classic, internal
// (load-balancing/docs/https/https-logging-monitoring and its siblings).
func LoadBalancerTypes() []string {
	return []string{"http_external_regional_lb_rule", "http_load_balancer", "internal_http_lb_rule"}
}

// IAPWords are how a load balancer's log marks requests that IAP answered: by itself, by
// more than one IAP, or by an authorization policy (iap/docs/faq, iap/docs/auth-policies).
func IAPWords() []string {
	return []string{"handled_by_identity_aware_proxy", MultipleIAPs, "denied_by_cloud_iap"}
}

// IAPWord returns the word by which an entry of a load balancer's log says that IAP gave the
// answer, "" for an answer of others. Global load balancers say it in statusDetails
// (recorded). The others have proxyStatus instead, whose form was recorded for other errors
// and for authorization policies. That it names IAP by the same words is *unverified*.
func IAPWord(statusDetails, proxyStatus string) string {
	at := slices.IndexFunc(IAPWords(), func(word string) bool {
		return statusDetails == word || strings.Contains(proxyStatus, `"`+word+`"`)
	})
	if at < 0 {
		return ""
	}
	return IAPWords()[at]
}

// MultipleIAPs is the word of a load balancer's log for a request that meets two IAPs.
const MultipleIAPs = "multiple_iap_policies"

// ByInvokerCheck reports whether the text of a 401 or 403 in Cloud Run's request log is
// that of the invoker check. Nothing else distinguishes it from the application's own
// answer. Source: run/docs/troubleshooting.
func ByInvokerCheck(text string) bool {
	return slices.ContainsFunc(Texts(), func(part string) bool { return strings.Contains(text, part) })
}

// Texts are what the invoker check's refusals say, each in part.
func Texts() []string {
	return []string{"request was not authenticated", "not authorized to invoke"}
}

// Host is the host that the client asked for, in small letters and without a
// port; "" when the URL has none.
func (r Request) Host() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// AtDefaultURL reports whether the client asked for a run.app address, which a
// load balancer's clients never do.
func (r Request) AtDefaultURL() bool { return strings.HasSuffix(r.Host(), ".run.app") }
