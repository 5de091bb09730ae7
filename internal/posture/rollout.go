package posture

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Rollout is which revision of a service answers requests, and which ones were
// made of late. A redeploy is judged by it.
type Rollout struct {
	Serving Revision // the latest that is ready; without a name, none is
	Newest  Revision // the latest that was made
	// OnLatest says that every request goes to the latest ready revision. Where
	// traffic is pinned to a named one, a new revision gets none.
	OnLatest bool
	// Recent are the latest revisions, newest first, as the list shows them:
	// lists may lag behind.
	Recent []Revision
}

// Revision is one revision of a Cloud Run service.
type Revision struct {
	Name      string // last segment of its resource name
	Creator   string // e-mail
	CreatedAt time.Time
}

// Examination is what is read of a service to find out why it refuses visitors,
// beside its posture.
type Examination struct {
	Rollout Rollout
	// IAPDisabled says that IAP's API is known to be switched off.
	IAPDisabled bool
	// Refused is the latest request that was refused, as far as the request log
	// was looked into; nil = none is known.
	Refused *Symptom
	// Answered is the latest 403 of the application itself, looked for only
	// where Refused is nil.
	Answered *Symptom
	// Unread is what could not be read.
	Unread map[Part]Unread
}

// Part names what an examination reads.
type Part string

// The parts.
const (
	PartRollout    Part = "revisions"
	PartIAPAPI     Part = "IAP's API"
	PartRequestLog Part = "request log"
)

// RequestLog says in whose log a refused request was found.
type RequestLog string

// The request logs.
const (
	CloudRunLog     RequestLog = "cloud-run"     // Cloud Run refused, or its container did
	LoadBalancerLog RequestLog = "load-balancer" // IAP refused, before Cloud Run
)

// Symptom is one refused request, as a request log has it. What the client
// sent is for reading only.
type Symptom struct {
	Log       RequestLog
	Status    int
	Text      string // Cloud Run's own explanation; "" = the application's answer, or another log
	URL       string // without query
	UserAgent string // of the refused client
	Revision  string // that refused; "" from a load balancer
	At        time.Time
}

// RefusedByIAM reports whether it was Cloud Run's invoker check that refused.
func (s Symptom) RefusedByIAM() bool {
	return s.Log == CloudRunLog && s.Status == 403 && RefusedByIAM(s.Text)
}

// RefusedByIAM reports whether a 403's text in Cloud Run's request log is that
// of the invoker check. Nothing else distinguishes it from the application's own 403.
// Source: run/docs/troubleshooting.
func RefusedByIAM(text string) bool {
	return slices.ContainsFunc(RefusalTexts(), func(part string) bool { return strings.Contains(text, part) })
}

// RefusalTexts are what the invoker check's refusals say, each in part.
func RefusalTexts() []string {
	return []string{"request was not authenticated", "not authorized to invoke"}
}

// BareURL is a URL without what may be secret in it: user, query, fragment. What
// is not a URL gives "".
func BareURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}

// Host is the host that the client asked for, in small letters and without a
// port; "" when the URL has none.
func (s Symptom) Host() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// AtDefaultURL reports whether the client asked for a run.app address, which a
// load balancer's clients never do.
func (s Symptom) AtDefaultURL() bool { return strings.HasSuffix(s.Host(), ".run.app") }
