package policy

import (
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/policy/stuck"
	"github.com/iapguard/iapguard/internal/posture"
)

// Asked says which facts the rules of a policy need beside names. They are read
// only where a rule needs them.
type Asked struct {
	Folders, Labels bool
	Roles           bool // what every custom role contains, also of service accounts
}

// OnBreak says what to do about known callers that a plan would shut out.
type OnBreak string

// What to do about callers that break. A caller whose fate is not known is reported
// and stops nothing. Addresses in the request log stop steps only on request,
// because anybody could keep a service open with one request a day.
const (
	BreakStop           OnBreak = "stop"             // steps that break a configured caller are not taken
	BreakStopOnRequests OnBreak = "stop-on-requests" // … nor those that break an address in the request log
	BreakProceed        OnBreak = "proceed"          // the report names them
)

// Describe returns until when a hold lasts, who set it, and why.
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

// probing says whether iapguard requests the doors after it protected a service.
type probing string

// The values of probe.
const (
	ProbeOn  probing = "on"
	ProbeOff probing = "off"
)

// Mode says how far iapguard may go by itself.
type Mode string

// The modes.
const (
	ReportOnly Mode = "report-only" // say what would be done
	Approve    Mode = "approve"     // act only on a person's word
	Enforce    Mode = "enforce"     // act
)

// Recipe says where IAP protects a service.
type Recipe string

// The recipes.
const (
	RecipeAuto         Recipe = "auto"          // direct IAP where it is already on, else the load balancer
	RecipeLoadBalancer Recipe = "load-balancer" // IAP on the backend services
	RecipeDirect       Recipe = "direct"        // IAP on the Cloud Run service itself
	RecipeOff          Recipe = "off"           // not looked at
)

// WithoutLoadBalancer says what to do with a service without a load balancer.
type WithoutLoadBalancer string

// What to do without a load balancer.
const (
	WithoutWait   WithoutLoadBalancer = "wait"   // grant the agent, leave the doors as they are
	WithoutClose  WithoutLoadBalancer = "close"  // restrict the ingress and remove public members too
	WithoutDirect WithoutLoadBalancer = "direct" // IAP on the service itself
)

// NoneKnown says what to do when no effective accessor is known.
type NoneKnown string

// What to do without an accessor.
const (
	NoneWait   NoneKnown = "wait"   // grant the agent, leave IAP off
	NoneEnable NoneKnown = "enable" // turn IAP on: nobody gets in until somebody is granted access
)

// Private says what to do about a service that nobody gets into but named invokers.
type Private string

// What to do about a private service.
const (
	PrivateLeave Private = "leave" // nothing is granted there, and nothing closed
	// IAP's agent may invoke it while IAP is on at a way there and lets in nobody that the
	// policy does not name; nothing else is done.
	PrivateBehindIAP Private = "behind-iap"
	// The whole recipe, while IAP lets in nobody that the policy does not name.
	PrivateInclude Private = "include"
)

// Settings is what the policy says about one service.
type Settings struct {
	Rule   string // name of the rule that decided
	Mode   Mode
	Recipe Recipe
	Access []string // IAM members who get access through IAP
	// AccessCondition is the condition under which they have it; zero = always.
	AccessCondition posture.Condition
	NoneFor         NoneKnown // what to do without an accessor
	// Trust is who belongs to the organization: access.domains and access.trusted.
	Trust posture.Trust
	// KeepAccessors leaves public accessors of IAP as they are. The door is reported
	// as open all the same, and nothing is granted at it.
	KeepAccessors bool
	// Approvers are the accounts that may approve what the rule decides: user:ADDRESS or
	// serviceAccount:ADDRESS; none = nobody can approve.
	Approvers []string
	// Accept are facts that may stay unread for a time.
	Accept []Acceptance
	// WithoutLoadBalancer is what recipe auto or load-balancer does meanwhile.
	WithoutLoadBalancer WithoutLoadBalancer
	// WhenStuck is what to do when it stays open although it should be guarded.
	WhenStuck stuck.Rule
	// Private is what to do while the service is private. A rule that does not say
	// includes what it names exactly, and leaves what it only covers.
	Private Private
	// BreakGlass are the accounts that may open a door on purpose for some hours.
	BreakGlass []string
	// KeepIngress and KeepInvokers leave a service's ingress, and its public
	// invokers, as they are. Doors that stay open are still reported as open.
	KeepIngress, KeepInvokers bool
	// Since is when the rule begins: a service created earlier is changed only if
	// Existing is set or a person asks for it. Zero = every service is changed.
	Since    time.Time
	Existing bool
	// Exemption excuses the service until it expires; nil = none.
	Exemption *Exemption
	// Doors are doors of the service that may stay open until a time.
	Doors []doorExemption
	// Hold stops every write for now; nil = none.
	Hold *Hold
	// Settle is how long a resource must have been unchanged before an event leads
	// to a write of it.
	Settle time.Duration
	// Quiet is how long we wait, once a door is open, after somebody else's last
	// write to a policy or service before we write there.
	Quiet time.Duration
	// Propagation is how long a grant or a load balancer's setting may take to
	// reach every server.
	Propagation time.Duration
	// Limits bound how many services are written within an hour.
	Limits Limits
	// Redeploy is what to do about a revision that refuses IAP's agent although
	// it may invoke, and RedeployImage about its image.
	Redeploy      redeploying
	RedeployImage RedeployImage
	// EnableAPI lets iapguard turn IAP's API on in a project where it is off and IAP is to
	// be turned on.
	EnableAPI bool
	// OAuthClient signs users in where IAP is turned on at a backend service that
	// has no client; zero = Google's own.
	OAuthClient OAuthClient
	// SkippedRules names the rules that the service's labels or its name by a pattern select
	// and that did not decide, each with the reason.
	SkippedRules []string
	// Undecided is why it is not known which rule decides; "" = it is known.
	Undecided string
	// PolicyUnread is why no policy is known at all; "" = one is, or none is wanted. Then only
	// what was guarded before is written, where it is open.
	PolicyUnread string
	// ModeAgain is the mode for a service that was guarded before; "" = Mode.
	ModeAgain Mode
	// Notice is what reports say of the policy itself that somebody asked for; "" = nothing.
	Notice string
	// Callers is what to do about known callers that the plan would shut out.
	Callers OnBreak
	// Probe is whether iapguard requests the doors without credentials afterwards.
	Probe probing
}

// OAuthClient is a custom OAuth client for IAP.
type OAuthClient struct {
	ID     string // NUMBER-WORD.apps.googleusercontent.com
	Secret string // the version that holds its secret: projects/P/secrets/S/versions/N, or latest
}

// Limits bound how many services are written within an hour, whatever led to the
// writes. Further services wait. 0 = no limit.
type Limits struct {
	PerProject int // in one project
	Overall    int // in all projects together
}

// Exemption says why a service may stay as it is, who is responsible, and until
// when. A built-in one has no end; no policy text can give it.
type Exemption struct {
	Owner, Ticket, Reason string
	Expires               time.Time
}

// BuiltIn reports whether the exemption does not come from a policy's text.
func (e *Exemption) BuiltIn() bool { return e != nil && e.Expires.IsZero() }

// Describe returns until when an exemption lasts, and why or on which ticket.
func (e *Exemption) Describe() string {
	if e.BuiltIn() {
		return "is exempt for good: " + e.Reason
	}
	return fmt.Sprintf("is exempt until %s (%s, %s)", LastDay(e.Expires), e.Ticket, e.Owner)
}

// LastDay returns the last day on which an exemption that expires then counts.
func LastDay(expires time.Time) string {
	return expires.UTC().Add(-time.Nanosecond).Format(time.DateOnly)
}

// Hold stops writes to the services in its scope. A zero Until means until the hold
// is lifted.
type Hold struct {
	Scope      posture.Scope
	Above      string    // folders/N or organizations/N; then Scope is empty
	Since      time.Time // when it began; zero = not known
	Until      time.Time
	Reason, By string
	// Line is where it begins in its file; 0 = it was not read from one.
	Line int
	// Asked is the end that the file names, and Cut why it is not the end that counts; zero
	// and "" = it is.
	Asked time.Time
	Cut   string
	// Doubt is why it is not known whether the service lies below Above; "" = it does.
	Doubt string
}

// ExemptAt reports whether the service is exempt at a time.
func (s Settings) ExemptAt(t time.Time) bool {
	return s.Exemption != nil && (s.Exemption.BuiltIn() || t.Before(s.Exemption.Expires))
}

// DefaultSettings returns the settings without a policy, and the defaults of every
// key of a rule. They change nothing: the mode is report-only.
func DefaultSettings() Settings {
	return Settings{
		Rule: "default", Mode: ReportOnly, Recipe: RecipeAuto, NoneFor: NoneWait, WithoutLoadBalancer: WithoutWait,
		Private: PrivateLeave,
		Settle:  30 * time.Second, Quiet: 10 * time.Second, Propagation: 2 * time.Minute,
		Redeploy: RedeployAdvise, RedeployImage: ImagePin,
		Callers: BreakStop, Probe: ProbeOff, Limits: Limits{PerProject: 10, Overall: 50},
	}
}

// Wanted is what the policy says about a service and about the services that share
// a backend service with it.
type Wanted struct {
	Settings
	// Clocks are the times that the resources do not show.
	Clocks Clocks
	// WroteAt is when this run last wrote; zero = it did not.
	WroteAt time.Time
	// GuardedOnce means that the service was behind IAP, or closed by us, before: it is
	// protected again even where it is private meanwhile.
	GuardedOnce bool
	// NotFirst means that the service was protected before, or that this is not known:
	// nobody has come to rely on another way in since.
	NotFirst bool
	// Closed means that we closed a way to a private service, now or before: who came by it while the
	// service was public does not count as an invoker. It is known once its callers are.
	Closed bool
	// OwnGrant means that we let IAP's agent invoke the service, and closed no way in before
	// or after.
	OwnGrant bool
	// Insisted means that a person asked for the whole recipe on a private service, also for those
	// who pass IAP then and are not named.
	Insisted bool
	// OwnAccess are the members that we let through IAP and did not take out since, by the
	// resource of IAP's policy; none for a service that was behind IAP once.
	OwnAccess map[string][]string
	// SettingsOf returns the settings of another service, and whether it is in scope.
	SettingsOf func(posture.Target) (Settings, bool)
}

// Clocks are what the times of steps depend on beside the resources.
type Clocks struct {
	// QuietBy ends every wait for quiet and for a roll-out; zero = they have no end.
	QuietBy time.Time
	// TouchedAt is when somebody else last changed a backend service before the service;
	// zero = long ago.
	TouchedAt time.Time
	// Wrote is when we last wrote a resource, or the policy of one, by its name as steps
	// have it.
	Wrote map[string]time.Time
	// Removed is when we last took public accessors from a policy of IAP's, by its resource.
	Removed map[string]time.Time
	// Seen is since when grants are known.
	Seen map[Grant]time.Time
	// New means that nobody can have come to rely on the service yet.
	New bool
}

// Grant is a role that members have at one resource.
type Grant struct{ Resource, Role, Members, Condition string }
