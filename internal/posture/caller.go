package posture

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// CallerKind says what calls a service.
type CallerKind string

// The kinds of callers. A visitor is known from the request log alone, where
// anybody can be who they like; the others are configured in the project.
const (
	PushSubscription CallerKind = "push-subscription" // Pub/Sub
	EventTrigger     CallerKind = "eventarc-trigger"
	SchedulerJob     CallerKind = "scheduler-job"
	Visitor          CallerKind = "visitor"
)

// Fate is what becomes of a caller.
type Fate string

// The fates, from the best to the worst.
const (
	StaysIn   Fate = "stays"   // it gets in as before, or does not get in now either
	Uncertain Fate = "unknown" // what decides it is not known
	Breaks    Fate = "breaks"  // it is refused from then on
)

// Caller is somebody who calls a service now.
type Caller struct {
	Kind CallerKind `json:"kind"`
	// Name is the resource's; of visitors it is what their software calls itself.
	Name    string `json:"name"`
	Address string `json:"address"` // URL that is called, without a query
	// Principal is the e-mail address of the service account whose identity
	// token it brings; "" = it brings none, or, of visitors, nobody knows.
	Principal string     `json:"principal,omitempty"`
	Audience  string     `json:"audience,omitempty"` // whom that token is made out to; "" = the address
	RemoteIP  string     `json:"remoteIp,omitempty"` // of visitors
	Requests  int        `json:"requests,omitempty"` // of visitors: how many were seen
	LastSeen  *time.Time `json:"lastSeen,omitempty"` // of visitors

	Fate Fate   `json:"fate"`
	Why  string `json:"why,omitempty"`  // one line, unless it stays
	Cure string `json:"cure,omitempty"` // what keeps it working, one line
}

// Change is a kind of write that can shut a caller out.
type Change string

// The changes.
const (
	ChangeIAP       Change = "iap"        // IAP goes on at a backend service
	ChangeDirectIAP Change = "direct-iap" // IAP goes on at the service itself
	ChangeIngress   Change = "ingress"    // to internal and Cloud Load Balancing
	ChangeInvokers  Change = "invokers"   // the public may not invoke any more
)

// ChangeTo is one change; Resource is the backend service of ChangeIAP.
type ChangeTo struct {
	Change   Change
	Resource string
}

// JudgeCallers says of every caller of the posture's service what the changes
// mean to it, the worst first. A caller of something else is left out.
func JudgeCallers(p Posture, want Wanted, callers []Caller, changes []ChangeTo) []Caller {
	var judged []Caller
	for _, caller := range callers {
		way, leads := p.wayOf(caller)
		if !leads {
			continue
		}
		caller.Fate = StaysIn
		for _, change := range changes {
			if !p.shuts(way) {
				caller.suffer(judges[change.Change](p, want, way, caller, change), way.guessed)
			}
		}
		judged = append(judged, caller)
	}
	rank := map[Fate]int{Breaks: 0, Uncertain: 1, StaysIn: 2}
	slices.SortStableFunc(judged, func(a, b Caller) int {
		if by := rank[a.Fate] - rank[b.Fate]; by != 0 {
			return by
		}
		return strings.Compare(string(a.Kind)+a.Name+a.RemoteIP, string(b.Kind)+b.Name+b.RemoteIP)
	})
	return judged
}

// sentence is what one change means to one caller.
type sentence struct {
	fate      Fate
	why, cure string
}

var spared = sentence{fate: StaysIn}

// suffer keeps the worst that happens to a caller; of two as bad, the first.
func (c *Caller) suffer(s sentence, guessed bool) {
	if guessed && s.fate == Breaks {
		s.fate, s.why = Uncertain, "whether "+hostOf(c.Address)+" leads to the load balancer, which takes any host, is not known; if it does: "+s.why
	}
	rank := map[Fate]int{StaysIn: 0, Uncertain: 1, Breaks: 2}
	if rank[s.fate] > rank[c.Fate] {
		c.Fate, c.Why, c.Cure = s.fate, s.why, s.cure
	}
}

// WorstOff joins what two plans of one run mean to callers: of each caller the
// worse is kept.
func WorstOff(before, after []Caller) []Caller {
	joined := slices.Clone(before)
	for _, caller := range after {
		i := slices.IndexFunc(joined, func(c Caller) bool {
			return c.Kind == caller.Kind && c.Name == caller.Name && c.Address == caller.Address && c.RemoteIP == caller.RemoteIP
		})
		switch {
		case i < 0:
			joined = append(joined, caller)
		case joined[i].Fate == StaysIn, joined[i].Fate == Uncertain && caller.Fate == Breaks:
			joined[i] = caller
		}
	}
	return joined
}

// Origin is the beginning of a URL up to its path, "" when it is none.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// maxShown bounds text from outside, in runes.
const maxShown = 200

// Shown makes text that others wrote fit to be told: one line, cut.
func Shown(text string) string {
	runes := []rune(strings.ToValidUTF8(text, "?"))
	if len(runes) > maxShown {
		runes = append(runes[:maxShown], '…')
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(runes))
}
