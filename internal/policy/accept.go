package policy

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// Acceptance is somebody's word that a fact may stay unread for a time. What is not known
// for want of it stays unknown and is counted; alerts and exit statuses pass over it.
type Acceptance struct {
	Unread        string // the permission that is missing, or the full name of what cannot be read
	Owner, Ticket string
	Expires       time.Time
}

// AcceptsUnread reports whether a fact may stay unread at a time.
func (s Settings) AcceptsUnread(fact posture.Unread, at time.Time) bool {
	return slices.ContainsFunc(s.Accept, func(a Acceptance) bool {
		return at.Before(a.Expires) && (a.Unread == fact.Permission || a.Unread == fact.Resource)
	})
}

// accept reads one acceptance, which ends within a year as an exemption does.
func (r *reader) accept(n *yaml.Node, into *Settings) {
	var read Acceptance
	r.mapping(n, "accept", keys{
		"unread": r.text("accept.unread", &read.Unread),
		"owner":  r.text("accept.owner", &read.Owner),
		"ticket": r.text("accept.ticket", &read.Ticket),
		"expires": func(n *yaml.Node) {
			r.lastDay("accept.expires", &read.Expires)(n)
			if last := r.now.Add(longestExemption); read.Expires.After(last.Add(24 * time.Hour)) {
				r.complain(n, "accept.expires is %s: write a day until %s", shown(n), last.Format(time.DateOnly))
			}
		},
	}, "unread", "owner", "ticket", "expires")
	into.Accept = append(into.Accept, read)
}
