package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// Asked is what the rules of a policy ask about beside names, and what is read
// only for their sake.
type Asked struct{ Folders, Labels bool }

// OnBreak says what to do when callers are known that a plan would shut out.
type OnBreak string

// What to do about callers that break. Those whose fate is not known never stop
// anything: they are told. Requests stop only where that is asked for, since
// anybody could keep a service open by asking it once a day.
const (
	BreakStop           OnBreak = "stop"             // nothing is written while a configured caller breaks
	BreakStopOnRequests OnBreak = "stop-on-requests" // … or an address in the request log
	BreakProceed        OnBreak = "proceed"          // they are named
)

// Describe say how long a hold lasts, and why.
func (h Hold) Describe() string {
	until := "until it is lifted"
	if !h.Until.IsZero() {
		until = "until " + h.Until.UTC().Format(time.RFC3339)
	}
	if h.By != "" {
		until += " by " + h.By
	}
	return until + ": " + h.Reason
}

// Probe says whether the doors are asked after a service was protected.
type Probe string

// Whether to ask.
const (
	ProbeOn  Probe = "on"
	ProbeOff Probe = "off"
)

// Mode says how far iapguard may go by itself.
type Mode string

// The modes.
const (
	ReportOnly Mode = "report-only" // say what would be done
	Approve    Mode = "approve"     // act only on a person's word
	Enforce    Mode = "enforce"     // act
)

// Recipe says by which way a service is to be protected.
type Recipe string

// The recipes.
const (
	RecipeAuto         Recipe = "auto"          // direct IAP where it is already on, else the load balancer
	RecipeLoadBalancer Recipe = "load-balancer" // IAP on the backend services
	RecipeDirect       Recipe = "direct"        // IAP on the Cloud Run service itself
	RecipeOff          Recipe = "off"           // not looked at
)

// WithoutLoadBalancer says what to do with a service that no load balancer
// leads to yet.
type WithoutLoadBalancer string

// What to do without a load balancer.
const (
	WithoutWait   WithoutLoadBalancer = "wait"   // grant the agent, leave the doors as they are
	WithoutClose  WithoutLoadBalancer = "close"  // restrict the ingress and take the public away too
	WithoutDirect WithoutLoadBalancer = "direct" // IAP on the service itself
)

// NoneKnown says what to do when no effective accessor is known.
type NoneKnown string

// What to do without an accessor.
const (
	NoneWait   NoneKnown = "wait"   // grant the agent, leave IAP off
	NoneEnable NoneKnown = "enable" // turn IAP on: nobody gets in until somebody is granted access
)

// Settings is what a policy wants for one service.
type Settings struct {
	Rule   string // name of the rule that decided
	Mode   Mode
	Recipe Recipe
	Access []string // members who are to have access through IAP
	// AccessCondition is the condition under which they have it; zero = always.
	AccessCondition posture.Condition
	NoneFor         NoneKnown // without any accessor
	// WithoutLoadBalancer is what recipe auto or load-balancer does meanwhile.
	WithoutLoadBalancer WithoutLoadBalancer
	// KeepIngress and KeepInvokers leave a service's ingress, and who may invoke
	// it, as they are; its doors are told as open all the same.
	KeepIngress, KeepInvokers bool
	// Since: services created before it are changed on a person's word only,
	// unless Existing. Zero means that every service may be changed.
	Since    time.Time
	Existing bool
	// Exemption excuses the service until it expires; nil = none.
	Exemption *Exemption
	// Hold stops every write for now; nil = none.
	Hold *Hold
	// Settle is how long a resource must have been quiet before it is
	// written because of an event.
	Settle time.Duration
	// Quiet is how long after somebody else's last write to a policy or service
	// that resource is left alone, once a door is open.
	Quiet time.Duration
	// Propagation is how long a grant or a load balancer's setting may take
	// until it holds everywhere.
	Propagation time.Duration
	// Limits bound how many services are written within an hour.
	Limits Limits
	// Redeploy is what to do about a revision that refuses IAP's agent although
	// it may invoke, and RedeployImage about its image.
	Redeploy      Redeploy
	RedeployImage RedeployImage
	// OAuthClient signs users in where IAP is turned on at a backend service that
	// has no client; zero = Google's own.
	OAuthClient OAuthClient
	// SkippedRules says which rules the service's labels selected in vain, and why.
	SkippedRules []string
	// Undecided says why nobody can tell which rule decides; "" = it is decided.
	Undecided string
	// Callers is what to do when callers are known that the plan would shut out.
	Callers OnBreak
	// Probe is whether strangers' requests are made at the doors afterwards.
	Probe Probe
}

// OAuthClient is a custom OAuth client for IAP.
type OAuthClient struct {
	ID     string // NUMBER-WORD.apps.googleusercontent.com
	Secret string // where its secret is: projects/P/secrets/S/versions/N, or latest
}

// Enabling says in a step's words that IAP goes on, with which client; OAuthClientOf
// reads it.
func (c OAuthClient) Enabling() string {
	return strings.TrimSpace(strings.Join([]string{"true", c.ID, c.Secret}, " "))
}

// OAuthClientOf is the client that Enabling named, zero for none.
func OAuthClientOf(enabling string) OAuthClient {
	words := strings.Fields(enabling)
	if len(words) != 3 || words[0] != "true" {
		return OAuthClient{}
	}
	return OAuthClient{words[1], words[2]}
}

// Limits are how many services may be written within an hour, whatever asks for
// the writes, before all further ones wait. 0 = no limit.
type Limits struct {
	PerProject int // in one project
	Overall    int // in all projects together
}

// Exemption is why a service may stay as it is, who answers for that, and for
// how long. One without an end is built in: no policy can give it.
type Exemption struct {
	Owner, Ticket, Reason string
	Expires               time.Time
}

// BuiltIn reports whether no policy gives or takes away the exemption.
func (e *Exemption) BuiltIn() bool { return e != nil && e.Expires.IsZero() }

// Describe say of whom it holds, how long and why.
func (e *Exemption) Describe() string {
	if e.BuiltIn() {
		return "is exempt for good: " + e.Reason
	}
	return fmt.Sprintf("is exempt until %s (%s, %s)", LastDay(e.Expires), e.Ticket, e.Owner)
}

// LastDay is the last day on which an exemption counts, when it ends at a time.
func LastDay(expires time.Time) string {
	return expires.UTC().Add(-time.Nanosecond).Format(time.DateOnly)
}

// Hold stops writes to what is in its scope. Until zero means until it is lifted.
type Hold struct {
	Scope      posture.Scope
	Until      time.Time
	Reason, By string
}

// ExemptAt reports whether an exemption holds at a time.
func (s Settings) ExemptAt(t time.Time) bool {
	return s.Exemption != nil && (s.Exemption.BuiltIn() || t.Before(s.Exemption.Expires))
}

// DefaultSettings are what holds where neither a policy nor its rule says
// otherwise: nothing is changed until a policy says so.
func DefaultSettings() Settings {
	return Settings{
		Rule: "default", Mode: ReportOnly, Recipe: RecipeAuto, NoneFor: NoneWait, WithoutLoadBalancer: WithoutWait,
		Settle: 30 * time.Second, Quiet: 10 * time.Second, Propagation: 2 * time.Minute, Redeploy: RedeployAdvise, RedeployImage: ImagePin,
		Callers: BreakStop, Probe: ProbeOff, Limits: Limits{PerProject: 10, Overall: 50},
	}
}

// Wanted is what is wanted of a service and of those that share a backend
// service with it.
type Wanted struct {
	Settings
	// SettleBy ends the settle time at the latest; zero = it is not bounded.
	SettleBy time.Time
	// WroteAt is when who gets in was last changed, as far as the resources do not
	// tell it: by the same run, or by whoever turned IAP on; zero = long ago.
	WroteAt time.Time
	// SettingsOf returns the settings of another service, and whether it is in scope.
	SettingsOf func(posture.Target) (Settings, bool)
}
