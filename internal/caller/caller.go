package caller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Kind says what calls a service.
type Kind string

// The kinds of callers. A visitor is known from the request log alone, where
// anybody can be who they like; the others are configured. See front.go for those that
// send on what others ask.
const (
	PushSubscription Kind = "push-subscription" // Pub/Sub
	EventTrigger     Kind = "eventarc-trigger"
	SchedulerJob     Kind = "scheduler-job"
	FirebaseHosting  Kind = "firebase-hosting"
	APIGateway       Kind = "api-gateway"
	Visitor          Kind = "visitor"
)

// RequestLog is the id of the log in which visitors are found, as logName ends.
const RequestLog = "run.googleapis.com%2Frequests"

// Impact is what becomes of a caller.
type Impact string

// The impacts, from the best to the worst.
const (
	StaysIn   Impact = "stays"   // it gets in as before, or does not get in now either
	Uncertain Impact = "unknown" // what decides it is not known
	Breaks    Impact = "breaks"  // it is refused from then on
)

// Caller is somebody who calls a service now.
type Caller struct {
	Kind Kind
	// Name is the resource's; of visitors it is what their software calls itself.
	Name    string
	Address string // URL that is called, without a query
	// Principal is the e-mail address of the service account whose identity
	// token it brings; "" = it brings none, or, of visitors, nobody knows.
	Principal string
	Audience  string // the audience of that token; "" = the address
	RemoteIP  string // of visitors
	Requests  int    // of visitors, and of those that send requests on: how many were seen
	// Preflights is how many of them asked with OPTIONS, as browsers do before a page of
	// another origin calls.
	Preflights int
	LastSeen   *time.Time // when the last of them was
	// Unused means that it is known that it did not call, for as long as the log is kept,
	// before the service was first seen.
	Unused bool

	Impact Impact
	By     []ChangeTo // the changes that break it or may
	Why    string     // one line, unless it stays
	Remedy string     // what keeps it working, one line
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

// Judge says of every caller of the posture's service what the changes
// mean to it, the worst first. A caller of something else is left out. A load balancer
// sends a caller of a multi-region service to any region, so it meets the worst of them.
func Judge(p posture.Posture, want policy.Wanted, callers []Caller, changes []ChangeTo) []Caller {
	var judged []Caller
	for _, part := range p.Parts() {
		concerned := slices.DeleteFunc(slices.Clone(changes), func(c ChangeTo) bool {
			other, of := p.Part(c.Resource)
			return of && other.Target != p.Target && other.Target != part.Target
		})
		judged = WorstOff(judged, judgeIn(part, want, callers, concerned))
	}
	rank := map[Impact]int{Breaks: 0, Uncertain: 1, StaysIn: 2}
	slices.SortStableFunc(judged, func(a, b Caller) int {
		if by := rank[a.Impact] - rank[b.Impact]; by != 0 {
			return by
		}
		return strings.Compare(string(a.Kind)+a.Name+a.RemoteIP, string(b.Kind)+b.Name+b.RemoteIP)
	})
	return judged
}

// judgeIn says of every caller of a service in one region what the changes mean to it.
func judgeIn(p posture.Posture, want policy.Wanted, callers []Caller, changes []ChangeTo) []Caller {
	var judged []Caller
	own := kindsOf(p)
	for _, caller := range callers {
		used, leads := routeOf(p, own, caller)
		if !leads {
			continue
		}
		caller.Impact = StaysIn
		for _, change := range changes {
			if !shuts(p, used) {
				caller.worsen(change, judge(call{p, want, used, caller}, change), used.guessed)
			}
		}
		if caller.Unused && caller.Impact == Breaks {
			caller.Why += "; it stops nothing, because it did not call before iapguard first saw the service"
		}
		judged = append(judged, caller)
	}
	return judged
}

// ruling is what one change means to one caller.
type ruling struct {
	impact      Impact
	why, remedy string
}

var unaffected = ruling{impact: StaysIn}

// worsen keeps the worst that happens to a caller: why of every change that breaks it, and
// else of the first.
func (c *Caller) worsen(by ChangeTo, s ruling, guessed bool) {
	if guessed && s.impact == Breaks {
		s.impact, s.why = Uncertain, "whether "+posture.HostOf(c.Address)+
			" leads to the load balancer, which takes any host, is not known; if it does: "+s.why
	}
	rank := map[Impact]int{StaysIn: 0, Uncertain: 1, Breaks: 2}
	if s.impact != StaysIn {
		c.By = append(slices.Clip(c.By), by)
	}
	switch {
	case rank[s.impact] > rank[c.Impact]:
		c.Impact, c.Why, c.Remedy = s.impact, s.why, s.remedy
	case s.impact == Breaks && !strings.Contains(c.Why, s.why):
		c.Why += "; then " + s.why
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
		if i < 0 {
			joined = append(joined, caller)
			continue
		}
		by := append(slices.Clip(joined[i].By), caller.By...)
		if joined[i].Impact == StaysIn || joined[i].Impact == Uncertain && caller.Impact == Breaks {
			joined[i] = caller
		}
		joined[i].By = by
	}
	return joined
}

// String names the caller on one line, and what it calls.
func (c Caller) String() string {
	if c.Requests > 0 {
		return fmt.Sprintf("%s, which asked %d times for %s", c.Short(), c.Requests, c.Address)
	}
	return fmt.Sprintf("%s, which calls %s", c.Short(), c.Address)
}

func (c Caller) Short() string {
	if c.Kind == Visitor {
		return fmt.Sprintf("visitor %s %q", c.RemoteIP, c.Name)
	}
	return string(c.Kind) + " " + c.Name
}
