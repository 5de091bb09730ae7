// Package traffic has what load balancers count of requests: by which way they came, and
// with which status they were answered. The package is pure.
//
// The count is Cloud Monitoring's, the load balancer's own. Nobody but the load balancer
// writes it, and anybody who can reach an address adds to it. It distinguishes statuses, not
// visitors: a 403 may be IAP's or the application's, a 200 anybody's, and a redirect the
// application's or IAP's to a sign-in page.
package traffic

import (
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
)

// Way is a way in through a load balancer: the requests at a forwarding rule that the URL
// map sends to a backend service.
type Way struct {
	Rule     string // the forwarding rule's name under its API
	Backend  string // the backend service's name under its API
	Internal bool
}

// Answer is how many requests that came by one way were answered with one status.
type Answer struct {
	Way      Way
	Status   int
	Requests int64
}

// Succeeded reports whether a status says that the client got what it asked for. A redirect
// does not: it may lead to a sign-in page.
func (a Answer) Succeeded() bool { return a.Status >= 200 && a.Status < 300 || a.Status == 304 }

// Succeeded counts the requests that got what they asked for.
func Succeeded(answers []Answer) int64 { return count(answers, Answer.Succeeded) }

// Forbidden counts the requests that were answered with 403.
func Forbidden(answers []Answer) int64 {
	return count(answers, func(a Answer) bool { return a.Status == 403 })
}

func count(answers []Answer, counts func(Answer) bool) (n int64) {
	for _, answer := range answers {
		if counts(answer) {
			n += answer.Requests
		}
	}
	return n
}

// Ways are the ways to a service through its load balancers, each once. Mirrors answer
// nobody. complete is false where one of them could not be read.
func Ways(p posture.Posture) (ways []Way, complete bool) {
	complete = true
	for _, part := range p.Parts() {
		complete = complete && part.BackendsUnread == ""
		for _, backend := range part.Backends {
			found, read := WaysTo(backend)
			complete = complete && read
			for _, way := range found {
				if !slices.Contains(ways, way) {
					ways = append(ways, way)
				}
			}
		}
	}
	return ways, complete
}

// WaysTo are the ways to one backend service, as Ways gives them.
func WaysTo(b posture.Backend) (ways []Way, complete bool) {
	complete = true
	for _, frontend := range b.Frontends {
		way := Way{frontend.Resource, b.Resource(), b.Internal()}
		switch {
		case frontend.Unread != "":
			complete = false
		case !frontend.Mirror && !slices.Contains(ways, way):
			ways = append(ways, way)
		}
	}
	return ways, complete
}
