package doctor

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/refusal"
)

// skew is how far two of Google's clocks may lie apart before a time in the
// future is a contradiction.
const skew = time.Minute

// checks are all checks in the order in which they decide: first what refused
// the visitor, then what is wrong with the configuration, then whether it is
// too early, and at last what only a new revision remedies.
var checks = []func(Evidence, time.Time) *Diagnosis{
	fromTheFuture,
	application,
	foreignToken,
	stranger,
	twice,
	off,
	apiDisabled,
	oauthClient,
	accessor,
	notSignedIn,
	agentGrant,
	iapFailed,
	ingress,
	deploying,
	propagating,
	unread,
	nothingServes,
	noSymptom,
	ageUnknown,
	olderThanGrant,
	pinned,
	olderThanRevision,
	unknownDoor,
	redeployedInVain,
	whoseRevisions,
	braked,
	unwanted,
	oneWitness,
	stuck,
}

// Diagnose says why the service refuses visitors and what the remedy is. There always is
// an answer: where nothing else is wrong, the revision is stuck. Of several refused
// requests the one that shows most counts that has not been remedied since.
func Diagnose(e Evidence, now time.Time) Diagnosis {
	if e.Symptom != nil || len(e.Refused) == 0 {
		return diagnose(e, now)
	}
	var first *Diagnosis
	for _, kind := range refusal.Kinds() {
		at := slices.IndexFunc(e.Refused, func(r refusal.Request) bool { return r.Kind() == kind })
		if at < 0 {
			continue
		}
		e.Symptom = &e.Refused[at]
		if found := diagnose(e, now); found.Verdict != OldNews {
			return found
		} else if first == nil {
			first = &found
		}
	}
	return *first
}

func diagnose(e Evidence, now time.Time) Diagnosis {
	for _, check := range checks {
		if found := check(e, now); found != nil {
			found.Checked = e.checked(now)
			return *found
		}
	}
	panic("unreachable: the last check always answers")
}

func fromTheFuture(e Evidence, now time.Time) *Diagnosis {
	for _, dated := range []struct {
		what string
		at   time.Time
	}{
		{"the refused request", symptomTime(e)},
		{"the IAM policy with the grant", e.changedAt()},
		{"the serving revision", e.Rollout.Serving.CreatedAt},
		{"the newest revision", e.Rollout.Newest.CreatedAt},
	} {
		if dated.at.After(now.Add(skew)) {
			return &Diagnosis{
				Verdict: ClocksDisagree, Remedy: Person,
				Why: dated.what + " is dated " + stamp(dated.at) +
					", which lies in the future: the order of events is not known",
				Advice: []string{"compare this machine's clock with a time server; if it is right, ask again after " +
					stamp(dated.at)},
			}
		}
	}
	return nil
}

func symptomTime(e Evidence) time.Time {
	if e.Symptom == nil {
		return time.Time{}
	}
	return e.Symptom.At
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// notInvoker reports whether Cloud Run's invoker check is known to have refused.
func (e Evidence) notInvoker() bool { return e.refusal() == refusal.NotInvoker }
