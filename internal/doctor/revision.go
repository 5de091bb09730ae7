package doctor

import (
	"cmp"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

const (
	// rolloutPause is when to look again at a service that is being deployed.
	rolloutPause = 15 * time.Second
	// cooldown is the least time between two redeploys of ours, and mostADay how
	// many there may be in any 24 hours.
	cooldown = time.Hour
	mostADay = 3
)

func deploying(e Evidence, now time.Time) *Diagnosis {
	if !e.Posture.Service.Reconciling {
		return nil
	}
	return &Diagnosis{
		Verdict: Deploying, Remedy: Wait, Until: now.Add(rolloutPause),
		Why: "the service is being deployed right now; what it answers is judged when it is ready",
	}
}

func propagating(e Evidence, now time.Time) *Diagnosis {
	until := e.heldSince()
	if until.IsZero() || !now.Before(until) {
		return nil
	}
	return &Diagnosis{
		Verdict: Propagating, Remedy: Wait, Until: until,
		Why: fmt.Sprintf("the service's permissions were changed at %s, and a change may take %s to hold everywhere",
			stamp(e.changedAt()), policy.InWords(e.Settings.Propagation)),
		Advice: []string{"wait until " + stamp(until) + " and open the page again; no redeploy is needed for that"},
	}
}

// unread stops at anything that is hidden: a guess does not justify a redeploy.
func unread(e Evidence, _ time.Time) *Diagnosis {
	for _, part := range []struct {
		part             posture.Part
		what, permission string
	}{
		{posture.PartRollout, "which revision serves and who made it", "run.revisions.list"},
		{posture.PartIAPAPI, "whether IAP's API is on", "serviceusage.services.get"},
		{posture.PartRequestLog, "whether Cloud Run refuses anybody", "logging.logEntries.list"},
	} {
		if hidden, missing := e.Unread[part.part]; missing {
			return unknown(part.what+" is not known: "+hidden.Why,
				"grant iapguard's service account the permission "+cmp.Or(hidden.Permission, part.permission))
		}
	}
	return nil
}

func unknown(why string, advice ...string) *Diagnosis {
	return &Diagnosis{Verdict: EvidenceMissing, Remedy: Person, Why: why, Advice: advice}
}

func nothingServes(e Evidence, _ time.Time) *Diagnosis {
	if e.Rollout.Serving.Name != "" {
		return nil
	}
	return &Diagnosis{
		Verdict: NoReadyRevision, Remedy: Person, Why: "no revision of the service has ever become ready, so nothing answers",
		Advice: []string{"see why: " + command.DescribeService(e.Posture.Target).String()},
	}
}

func noSymptom(e Evidence, _ time.Time) *Diagnosis {
	switch {
	case e.Symptom != nil:
		return nil
	case e.Answered != nil:
		return applicationsOwn(e, *e.Answered)
	}
	if hidden, missing := e.Unread[posture.PartLoadBalancerLog]; missing {
		return unknown("whether IAP refuses anybody at the load balancer is not known: "+hidden.Why,
			"grant iapguard's service account the permission "+cmp.Or(hidden.Permission, "logging.logEntries.list")+
				" in the load balancer's project")
	}
	return &Diagnosis{
		Verdict: NothingFound, Remedy: Leave,
		Why: "everything is as it must be, and nobody is known to have been refused of late",
		Advice: []string{"if visitors still see an error, open the page once more, and a minute later: " +
			doctorCommand(e.Posture.Target)},
	}
}

func ageUnknown(e Evidence, _ time.Time) *Diagnosis {
	switch {
	case e.Symptom.At.IsZero():
		return unknown("when the request was refused is not known",
			"open the page once more, and a minute later: "+doctorCommand(e.Posture.Target))
	case e.heldSince().IsZero():
		return unknown("the grant is there, but since when is not known, so it may still be on its way",
			"wait ten minutes; if the error stays, "+redeploy(e.Posture.Target))
	case e.Rollout.Serving.CreatedAt.IsZero():
		return unknown("how old the serving revision is is not known", redeploy(e.Posture.Target))
	}
	return nil
}

func olderThanGrant(e Evidence, _ time.Time) *Diagnosis {
	if e.Symptom.At.After(e.heldSince()) {
		return nil
	}
	return oldNews(e,
		"the request was refused at "+stamp(e.Symptom.At)+", when the grant did not hold everywhere yet; it does since "+
			stamp(e.heldSince()))
}

func olderThanRevision(e Evidence, _ time.Time) *Diagnosis {
	serving, by := e.Rollout.Serving, e.Symptom.Revision
	switch {
	case !e.Symptom.At.After(serving.CreatedAt):
		return oldNews(e,
			"the request was refused at "+stamp(e.Symptom.At)+", before revision "+serving.Name+", which serves now, was made")
	case by != "" && by != serving.Name:
		return oldNews(e, "the request was refused by revision "+by+"; "+serving.Name+" serves now")
	}
	return nil
}

func oldNews(e Evidence, why string) *Diagnosis {
	return &Diagnosis{
		Verdict: OldNews, Remedy: Leave, Why: why,
		Advice: []string{"open the page again; if it is refused, a minute later: " + doctorCommand(e.Posture.Target)},
	}
}

// pinned comes before the age of the serving revision: the one that traffic is
// pinned to is another.
func pinned(e Evidence, _ time.Time) *Diagnosis {
	if e.Rollout.OnLatest {
		return nil
	}
	return &Diagnosis{
		Verdict: TrafficPinned, Remedy: Person,
		Why:    "requests go to a revision that is pinned by name, so a new revision, which would be the cure, gets none",
		Advice: []string{"let the latest revision serve: " + command.ServeLatest(e.Posture.Target).String()},
	}
}

// unknownDoor asks for proof that the request came through IAP: others are
// refused rightly.
func unknownDoor(e Evidence, _ time.Time) *Diagnosis {
	if iap, _ := e.door(); iap && e.refusal() == refusal.NotInvoker {
		return nil
	}
	why := "how the request came in is not known: its log entry lacks the address"
	if host := e.Symptom.Host(); host != "" {
		why = fmt.Sprintf("how the request for %q came in is not known: no load balancer with IAP that can be read has "+
			"this host", host)
	}
	return unknown(why, "make sure that visitors use an address that IAP guards: iapguard plan "+e.Posture.Target.Name())
}

// redeployedInVain recognises that the one redeploy was done. It holds for as
// long as our revision is the newest: a second equal one would not do better.
func redeployedInVain(e Evidence, _ time.Time) *Diagnosis {
	newest := e.Rollout.Newest
	if newest.Name == "" {
		newest = e.Rollout.Serving
	}
	if !e.madeByUs(newest) {
		return nil
	}
	why := "a new revision was made at " + stamp(newest.CreatedAt) +
		", and requests are still refused: the revision is not what is wrong"
	if newest.Name != e.Rollout.Serving.Name {
		why = "a new revision was made at " + stamp(newest.CreatedAt) + ", but it has not become ready"
	}
	return &Diagnosis{Verdict: FailingAfterRedeploy, Remedy: Person, Why: why, Advice: remaining(e.Posture)}
}

func whoseRevisions(e Evidence, _ time.Time) *Diagnosis {
	if len(e.Self) > 0 {
		return nil
	}
	d := isStuck(e)
	d.Remedy, d.Advice = Advise, append(d.Advice,
		"where iapguard may have done so before, name its service account, so that this is seen: --self EMAIL, or "+
			"$IAPGUARD_SELF")
	return &d
}

// braked counts our redeploys by who made which revision when, so that it holds
// across instances and restarts.
func braked(e Evidence, now time.Time) *Diagnosis {
	made := map[string]time.Time{} // one revision may be listed more than once
	for _, revision := range append([]posture.Revision{e.Rollout.Serving, e.Rollout.Newest}, e.Rollout.Recent...) {
		if e.madeByUs(revision) && revision.CreatedAt.After(made[revision.Name]) {
			made[revision.Name] = revision.CreatedAt
		}
	}
	inHour, inDay := 0, 0
	for _, at := range made {
		if now.Sub(at) < cooldown {
			inHour++
		}
		if now.Sub(at) < 24*time.Hour {
			inDay++
		}
	}
	if inHour == 0 && inDay < mostADay {
		return nil
	}
	return &Diagnosis{
		Verdict: RedeployedTooOften, Remedy: Hold,
		Why: fmt.Sprintf("iapguard's redeploys of the service: %d in the last hour, %d in the last 24; it makes at "+
			"most one an hour and %d in 24", inHour, inDay, mostADay),
		Advice: append([]string{"find out who deploys the service and what they change"}, remaining(e.Posture)...),
	}
}

// unwanted is where the policy leaves a redeploy to people.
func unwanted(e Evidence, _ time.Time) *Diagnosis {
	d := isStuck(e)
	switch e.Settings.Redeploy {
	case policy.RedeployEnforce:
		return nil
	case policy.RedeployOff:
		d.Remedy = Person
	}
	return &d
}

// stuck is what is left when nothing else is wrong.
func stuck(e Evidence, _ time.Time) *Diagnosis {
	d := isStuck(e)
	d.Remedy = Redeploy
	return &d
}

func isStuck(e Evidence) Diagnosis {
	return Diagnosis{
		Verdict: StuckRevision, Remedy: Advise,
		Why: "IAP's agent has been allowed to invoke the service since " + stamp(e.heldSince()) + ", and revision " +
			e.Rollout.Serving.Name +
			" still refuses it: Google's advice is to redeploy the service",
		Advice: []string{redeploy(e.Posture.Target)},
	}
}
