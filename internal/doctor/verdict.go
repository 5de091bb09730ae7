package doctor

import "time"

// Verdict says why a service refuses visitors. Verdicts are part of the published
// contract.
type Verdict string

// The verdicts.
const (
	ApplicationsOwn      Verdict = "APPLICATIONS_OWN"        // the application itself refused
	StrangerAtDefaultURL Verdict = "STRANGER_AT_DEFAULT_URL" // somebody went around the load balancer
	NotAnAccessor        Verdict = "NOT_AN_ACCESSOR"         // IAP knows the visitor and refuses
	NotSignedIn          Verdict = "NOT_SIGNED_IN"           // IAP got no credentials that it takes
	ForeignToken         Verdict = "FOREIGN_TOKEN"           // Cloud Run cannot verify the client's own token
	IAPFailing           Verdict = "IAP_FAILING"             // IAP itself answers 500 or 502
	BothIAP              Verdict = "BOTH_IAP"                // IAP is on twice
	IAPOff               Verdict = "IAP_OFF"                 // IAP is not on at all
	IAPAPIDisabled       Verdict = "IAP_API_DISABLED"        // IAP's API is switched off
	NoOAuthClient        Verdict = "NO_OAUTH_CLIENT"         // IAP has nothing to sign visitors in with
	AgentNotProvisioned  Verdict = "AGENT_NOT_PROVISIONED"   // IAP's service agent is in no policy
	GrantMissing         Verdict = "GRANT_MISSING"           // the agent may not invoke
	GrantConditional     Verdict = "GRANT_CONDITIONAL"       // it may under a condition only
	GrantToDeletedAgent  Verdict = "GRANT_TO_DELETED_AGENT"  // the grant names an account that is gone
	IngressInTheWay      Verdict = "INGRESS_IN_THE_WAY"      // the ingress keeps the load balancer out
	Deploying            Verdict = "DEPLOYING"               // too early to judge
	Propagating          Verdict = "PROPAGATING"             // too early to judge
	NothingFound         Verdict = "NOTHING_FOUND"           // everything is right, and no refusal is known
	OldNews              Verdict = "OLD_NEWS"                // the refusal is older than its remedy
	NoReadyRevision      Verdict = "NO_READY_REVISION"       // nothing serves
	TrafficPinned        Verdict = "TRAFFIC_PINNED"          // a new revision would get no requests
	StuckRevision        Verdict = "STUCK_REVISION"          // only a new revision helps
	Unconfirmed          Verdict = "UNCONFIRMED"             // only the request log says that a revision is stuck
	RedeployedTooOften   Verdict = "REDEPLOYED_TOO_OFTEN"    // it was tried a short time ago
	FailingAfterRedeploy Verdict = "FAILING_AFTER_REDEPLOY"  // a new revision did not help
	EvidenceMissing      Verdict = "EVIDENCE_MISSING"        // something that decides is not known
	ClocksDisagree       Verdict = "CLOCKS_DISAGREE"         // something is dated in the future
)

// Verdicts lists all of them.
func Verdicts() []Verdict {
	return []Verdict{
		ApplicationsOwn, StrangerAtDefaultURL, NotAnAccessor, NotSignedIn, ForeignToken, IAPFailing, BothIAP, IAPOff,
		IAPAPIDisabled, NoOAuthClient,
		AgentNotProvisioned, GrantMissing, GrantConditional, GrantToDeletedAgent, IngressInTheWay, Deploying, Propagating,
		NothingFound, OldNews, NoReadyRevision, TrafficPinned, StuckRevision, Unconfirmed, RedeployedTooOften, FailingAfterRedeploy,
		EvidenceMissing, ClocksDisagree,
	}
}

// Remedy is what follows from a verdict.
type Remedy string

// The remedies.
const (
	Leave    Remedy = "leave"    // nothing is to be done, or nothing by us
	Protect  Remedy = "protect"  // the ordinary steps close the gap
	Wait     Remedy = "wait"     // judge again later
	Confirm  Remedy = "confirm"  // ask the load balancer's own count, and judge again
	Redeploy Remedy = "redeploy" // force one new revision
	Advise   Remedy = "advise"   // say that a new revision would help
	Hold     Remedy = "hold"     // a limit stops it
	Person   Remedy = "person"   // a person must change something
)

// Diagnosis is a verdict with what follows from it.
type Diagnosis struct {
	Verdict Verdict
	Remedy  Remedy
	Why     string    // one line, for somebody new to IAP
	Asks    *Question // what to ask; nil unless the remedy is Confirm
	Until   time.Time // when to judge again; zero unless the remedy is Wait
	Advice  []string  // what a person can do, the first thing first
	Checked []Checked // what was looked at
}

// Checked is one thing that was looked at and what was found.
type Checked struct{ What, Found string }
