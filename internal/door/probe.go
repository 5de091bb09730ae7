package door

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// ProbeRequest is one request that a stranger makes at a door. Every part of it is from
// our own reading of the resources.
type ProbeRequest struct {
	Door   string // the door's address, as reports have it
	Scheme string // http or https
	Host   string // to ask for; that of the address itself where any host does
	Path   string
	// IP is the address to connect to, "" where the host is to be looked up.
	IP string
}

// Most that is asked of one service, and of one kind of door.
const (
	maxProbes       = 6
	maxProbesOfKind = 2
)

// ProbeRequests are the requests that show whether the doors are guarded: at a few doors of
// each kind, those of load balancers first. What only a VPC network reaches is
// not asked, and neither are hosts that are known only by a pattern.
func ProbeRequests(p posture.Posture) []ProbeRequest {
	var requests []ProbeRequest
	for _, region := range p.Regions {
		requests = append(requests, ProbeRequests(region)...)
	}
	if len(p.Regions) > 0 {
		return requests[:min(len(requests), maxProbes)]
	}
	for _, kind := range []Kind{LoadBalancer, DefaultURL, mappedDomain, TagURL} {
		asked := 0
		for _, one := range probesAt(p, kind) {
			if asked < maxProbesOfKind && len(requests) < maxProbes {
				requests, asked = append(requests, one), asked+1
			}
		}
	}
	return requests
}

func probesAt(p posture.Posture, kind Kind) []ProbeRequest {
	var requests []ProbeRequest
	add := func(address, ip string) {
		if one, ok := probeAt(address, ip); ok {
			requests = append(requests, one)
		}
	}
	if kind == LoadBalancer {
		for _, backend := range p.Backends {
			for _, frontend := range backend.Frontends {
				if backend.Internal() || frontend.Mirror || frontend.Unread != "" || len(requests) >= maxProbesOfKind {
					continue
				}
				addresses, _ := frontend.Addresses(MaxAddresses)
				for _, address := range addresses {
					add(address, frontend.Address)
				}
			}
		}
		return requests
	}
	for _, door := range append(OwnDoors(p), DomainDoors(p)...) {
		host, _, _ := strings.Cut(strings.TrimPrefix(door.Address, "https://"), "/")
		ours := strings.HasSuffix(host, ".run.app") || door.Kind == mappedDomain
		if door.Kind == kind && ours {
			add(door.Address, "")
		}
	}
	return requests
}

// wholeHost is a host without a pattern in it, by name or by number. It is what
// is sent to a machine of somebody's choice, so nothing else may be in it.
var wholeHost = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]+$|^\[[0-9a-fA-F:]+\]$`)

// wholePath is a path that needs no escaping.
var wholePath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)

func probeAt(address, ip string) (ProbeRequest, bool) {
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	if strings.Count(host, ":") > 1 && host[0] != '[' {
		host = "[" + host + "]"
	}
	path = "/" + strings.TrimSuffix(path, "*")
	if len(host) > posture.MaxName || !wholeHost.MatchString(host) || !wholePath.MatchString(path) {
		return ProbeRequest{}, false
	}
	return ProbeRequest{Door: address, Scheme: scheme, Host: host, Path: path, IP: ip}, true
}

// Answer is what came back from a door, as far as it shows who answered.
type Answer struct {
	To       ProbeRequest
	Problem  string // why there was no answer; "" = there was one
	Status   int
	FromIAP  bool   // it has the header of IAP's own answers
	Location string // where it redirects to
	Body     string // the beginning of it
}

// Reading is what an answer says about a door.
type Reading struct {
	Found string // in a line
	Open  bool   // the application answered a request without credentials
}

// Google's own pages, which no request past the guards gets.
// Sources: run/docs/troubleshooting, iap/docs/enabling-cloud-run.
const (
	notFoundPage  = "was not found on this server"
	forbiddenPage = "Your client does not have permission"
)

// iapRedirect is where Google's sign-in sends people on to, when it was IAP that
// asked: an application's own sign-in looks the same but for that.
const iapRedirect = "https://iap.googleapis.com/"

// Read says what an answer means. What bears no sign of Google's, and is no
// failure, was answered by the application. A 404 without such a sign shows
// nothing: load balancers and applications have one too.
func (a Answer) Read() Reading {
	found := func(format string, args ...any) Reading { return Reading{Found: fmt.Sprintf(format, args...)} }
	switch to, _ := url.Parse(a.Location); {
	case a.Problem != "":
		return found("no answer: %s", a.Problem)
	case a.FromIAP && redirects(a.Status):
		return found("%d to %s: IAP asks to sign in", a.Status, signInHost(to))
	case a.FromIAP && a.Status >= 500:
		return found("%d: IAP lets nobody in, and fails: %s", a.Status, posture.FirstWords(a.Body))
	case a.FromIAP:
		return found("%d: IAP lets no stranger in", a.Status)
	case redirects(a.Status) && to != nil && strings.HasPrefix(to.Query().Get("redirect_uri"), iapRedirect):
		return found("%d to %s: IAP asks to sign in", a.Status, signInHost(to))
	case a.Status == 403 && strings.Contains(a.Body, forbiddenPage):
		return found("403: Cloud Run asks who invokes it")
	case a.Status == 404 && strings.Contains(a.Body, notFoundPage):
		return found("404: nothing can be reached there (ingress, or switched off)")
	case a.Status == 404:
		return found("404: its sender is not known")
	case redirects(a.Status) && a.To.Scheme == "http" && to != nil && to.Scheme == "https":
		return found("%d: it sends on to https", a.Status)
	case a.Status >= 500:
		return found("%d: its sender is not known: %s", a.Status, posture.FirstWords(a.Body))
	}
	return Reading{Found: fmt.Sprintf("%d from the application: OPEN", a.Status), Open: true}
}

func redirects(status int) bool { return status >= 300 && status < 400 }

func signInHost(u *url.URL) string {
	if u == nil || !wholeHost.MatchString(u.Hostname()) {
		return "a sign-in page"
	}
	return u.Hostname()
}
