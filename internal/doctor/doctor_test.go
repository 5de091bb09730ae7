package doctor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
)

const (
	agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	self  = "iapguard@demo-project.iam.gserviceaccount.com"
	dev   = "dev@example.com"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// invokers is a policy that was last changed an hour ago.
func invokers(bindings ...posture.Binding) posture.Policy {
	return posture.Policy{ChangedAt: ago(time.Hour), Bindings: bindings}
}

func invoker(condition string, members ...string) posture.Binding {
	return posture.Binding{Role: posture.RoleInvoker, Condition: condition, Members: members}
}

// stuckEvidence is a service behind IAP that is as it must be, and a refusal a minute ago
// that the load balancer counted: nothing explains it.
func stuckEvidence() Evidence {
	target := posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	settings := policy.DefaultSettings()
	settings.Redeploy = policy.RedeployEnforce
	revision := posture.Revision{Name: "hello-00001-abc", Creator: dev, CreatedAt: ago(48 * time.Hour)}
	return Evidence{
		Symptom: &refusal.Request{
			Log: refusal.CloudRunLog, Status: 403, Text: "The request was not authenticated. Either allow …",
			URL: "https://hello.example.com/", Revision: revision.Name, At: ago(time.Minute),
		},
		Posture: posture.Posture{
			Target: target, ProjectNumber: "123456789012", Invokers: invokers(invoker("", agent)),
			Service: posture.Service{Ingress: posture.IngressInternalLoadBalancing},
			Backends: []posture.Backend{{
				Project: "demo-project", Location: posture.Global, Name: "hello-backend", Scheme: "EXTERNAL_MANAGED", IAPOn: true,
				Frontends: []posture.Frontend{{Resource: "r", Hosts: []string{"hello.example.com"}, HTTPS: true},
					{Resource: "r", Hosts: []string{"*.shop.example.com"}, Paths: []string{"/api/*"}, HTTPS: true}},
			}},
		},
		Settings: settings, Self: []string{self}, Counted: &Counted{Forbidden: 1},
		Examination: posture.Examination{Rollout: posture.Rollout{Serving: revision, Newest: revision, OnLatest: true,
			Recent: []posture.Revision{revision}}},
	}
}

func ours(name string, at time.Time) posture.Revision {
	return posture.Revision{Name: name, Creator: self, CreatedAt: at}
}

// byDefaultURL is a refusal at the run.app address.
func byDefaultURL(e *Evidence) { e.Symptom.URL = "https://hello-abc-uc.a.run.app/admin" }

// byIAP is a refusal by IAP itself.
func byIAP(e *Evidence) {
	e.Symptom = &refusal.Request{Log: refusal.LoadBalancerLog, Status: 403, URL: "https://hello.example.com/",
		At: ago(time.Minute)}
}

func denied(part posture.Part) map[posture.Part]posture.Unread {
	return map[posture.Part]posture.Unread{part: {Resource: "r", Why: "denied"}}
}

func grants(bindings ...posture.Binding) func(*Evidence) {
	return func(e *Evidence) { e.Posture.Invokers = invokers(bindings...) }
}

var rows = []struct {
	name    string
	change  func(*Evidence)
	verdict Verdict
	remedy  Remedy
}{
	{"the application refused", func(e *Evidence) { e.Symptom.Text = "" }, ApplicationsOwn, Leave},
	{"somebody at the default URL", byDefaultURL, StrangerAtDefaultURL, Protect},
	{"a stranger does not hide behind a port and capital letters",
		func(e *Evidence) { e.Symptom.URL = "https://Hello-abc-uc.a.RUN.app:443/" }, StrangerAtDefaultURL, Protect},
	{"at the default URL, which IAP guards itself", func(e *Evidence) {
		byDefaultURL(e)
		e.Posture.Service.IAPOn, e.Posture.Backends = true, nil
	}, Unconfirmed, Advise},
	{"IAP refused", byIAP, NotAnAccessor, Leave},
	{"IAP refused, and its agent may not exist", func(e *Evidence) { byIAP(e); grants()(e) },
		AgentNotProvisioned, Protect},
	{"IAP refused, and lets in people of one domain", func(e *Evidence) {
		byIAP(e)
		e.Posture.Backends[0].Settings.Domains = []string{"example.com"}
	}, NotAnAccessor, Leave},
	{"IAP refused a user of Identity Platform", func(e *Evidence) {
		byIAP(e)
		e.Posture.Backends[0].Settings.Tenants = []string{"t"}
	}, NotAnAccessor, Leave},
	{"IAP got no token", func(e *Evidence) { byIAP(e); e.Symptom.Status = 401 }, NotSignedIn, Leave},
	{"IAP got no token, and its agent may not exist",
		func(e *Evidence) { byIAP(e); e.Symptom.Status = 401; grants()(e) }, NotSignedIn, Leave},
	{"IAP answers 500", func(e *Evidence) { byIAP(e); e.Symptom.Status = 500 }, IAPFailing, Person},
	{"IAP answers 502", func(e *Evidence) { byIAP(e); e.Symptom.Status = 502 }, IAPFailing, Person},
	{"IAP answers 500, and its agent may not exist",
		func(e *Evidence) { byIAP(e); e.Symptom.Status = 500; grants()(e) }, AgentNotProvisioned, Protect},
	{"IAP answered 500 before the grant", func(e *Evidence) {
		byIAP(e)
		e.Symptom.Status, e.Symptom.At = 500, ago(2*time.Hour)
	}, OldNews, Leave},
	{"a token that is not Google's", func(e *Evidence) { e.Symptom.Status = 401 }, ForeignToken, Leave},
	{"a token that is not Google's at the default URL",
		func(e *Evidence) { byDefaultURL(e); e.Symptom.Status = 401 }, ForeignToken, Leave},
	{"the application answered 401", func(e *Evidence) { e.Symptom.Status, e.Symptom.Text = 401, "" },
		ApplicationsOwn, Leave},
	{"IAP is on twice", func(e *Evidence) { e.Posture.Service.IAPOn = true }, BothIAP, Person},
	{"IAP is off", func(e *Evidence) { e.Posture.Backends[0].IAPOn = false }, IAPOff, Protect},
	{"no load balancer", func(e *Evidence) { e.Posture.Backends = nil }, IAPOff, Protect},
	{"IAP is off at the door that was used", func(e *Evidence) {
		other := e.Posture.Backends[0]
		other.IAPOn, other.Frontends = false, []posture.Frontend{{Hosts: []string{"open.example.com"}}}
		e.Posture.Backends = append(e.Posture.Backends, other)
		e.Symptom.URL = "https://open.example.com/"
	}, IAPOff, Protect},
	{"IAP's API is off", func(e *Evidence) { e.IAPDisabled = true }, IAPAPIDisabled, Person},
	{"no OAuth client and no organization", func(e *Evidence) { e.Symptom, e.Posture.NoOrganization = nil, true },
		NoOAuthClient, Person},
	{"a client that is set", func(e *Evidence) {
		e.Symptom, e.Posture.NoOrganization, e.Posture.Backends[0].OAuthClient = nil, true, "c"
	}, NothingFound, Leave},
	{"no client, but Cloud Run was reached", func(e *Evidence) { e.Posture.NoOrganization = true },
		StuckRevision, Redeploy},
	{"somebody asks, and the agent is nowhere", func(e *Evidence) { e.Symptom = nil; grants()(e) },
		AgentNotProvisioned, Protect},
	{"IAP's agent was refused, so it exists", grants(), GrantMissing, Protect},
	{"the agent has another role only", func(e *Evidence) {
		e.Symptom = nil
		grants(posture.Binding{Role: "roles/run.viewer", Members: []string{agent}})(e)
	}, GrantMissing, Protect},
	{"a condition", grants(invoker("request.time.getHours() < 18", agent)), GrantConditional, Protect},
	{"granted on the project, long ago", func(e *Evidence) {
		e.Posture.Invokers, e.Posture.Project = invokers(), invokers(invoker("", agent))
	}, StuckRevision, Redeploy},
	{"granted on the project a moment ago", func(e *Evidence) {
		e.Posture.Invokers, e.Posture.Project = invokers(), invokers(invoker("", agent))
		e.Posture.Project.ChangedAt = ago(time.Second)
	}, Propagating, Wait},
	{"a deleted agent", grants(invoker("", "deleted:"+agent+"?uid=1234")), GrantToDeletedAgent, Protect},
	{"no ingress", func(e *Evidence) { e.Symptom = nil; e.Posture.Service.Ingress = posture.IngressNone },
		IngressInTheWay, Person},
	{"internal ingress behind an external load balancer", func(e *Evidence) {
		e.Symptom = nil
		e.Posture.Service.Ingress = posture.IngressInternal
	}, IngressInTheWay, Person},
	{"internal ingress behind an internal load balancer", func(e *Evidence) {
		e.Symptom = nil
		e.Posture.Service.Ingress, e.Posture.Backends[0].Scheme = posture.IngressInternal, "INTERNAL_MANAGED"
	}, NothingFound, Leave},
	{"an ingress that Cloud Run was reached through all the same",
		func(e *Evidence) { e.Posture.Service.Ingress = posture.IngressInternal }, StuckRevision, Redeploy},
	{"internal ingress, and IAP at the service itself", func(e *Evidence) {
		e.Symptom = nil
		e.Posture.Service.Ingress, e.Posture.Service.IAPOn, e.Posture.Backends[0].IAPOn = posture.IngressInternal, true, false
	}, NothingFound, Leave},
	{"being deployed", func(e *Evidence) { e.Posture.Service.Reconciling = true }, Deploying, Wait},
	{"a fresh grant", func(e *Evidence) { e.Posture.Invokers.ChangedAt = ago(90 * time.Second) }, Propagating, Wait},
	{"a grant that has just propagated", func(e *Evidence) {
		e.Posture.Invokers.ChangedAt, e.Symptom.At = ago(2*time.Minute), ago(time.Second)
	}, OldNews, Leave},
	{"refused before the grant held", func(e *Evidence) { e.Posture.Invokers.ChangedAt = ago(150 * time.Second) },
		OldNews, Leave},
	{"refused before the serving revision", func(e *Evidence) { e.Rollout.Serving.CreatedAt = ago(30 * time.Second) },
		OldNews, Leave},
	{"refused by a revision of the past", func(e *Evidence) { e.Symptom.Revision = "hello-00000-old" }, OldNews, Leave},
	{"nobody was refused", func(e *Evidence) { e.Symptom = nil }, NothingFound, Leave},
	{"nobody was refused but by the application", func(e *Evidence) {
		e.Symptom, e.Answered = nil, &refusal.Request{Log: refusal.CloudRunLog, Status: 403, URL: "https://hello.example.com/admin", At: ago(time.Minute)}
	}, ApplicationsOwn, Leave},
	{"the application refused somebody, and the grant is gone", func(e *Evidence) {
		e.Symptom, e.Answered = nil, &refusal.Request{Log: refusal.CloudRunLog, Status: 403, URL: "https://hello.example.com/admin", At: ago(time.Minute)}
		grants(posture.Binding{Role: "roles/run.viewer", Members: []string{agent}})(e)
	}, GrantMissing, Protect},
	{"the load balancer's log is not readable", func(e *Evidence) {
		e.Symptom, e.Unread = nil, denied(posture.PartLoadBalancerLog)
	}, EvidenceMissing, Person},
	{"the load balancer's log is not readable, and Cloud Run's shows a refusal",
		func(e *Evidence) { e.Unread = denied(posture.PartLoadBalancerLog) }, StuckRevision, Redeploy},
	{"nothing is ready", func(e *Evidence) { e.Rollout.Serving = posture.Revision{} }, NoReadyRevision, Person},
	{"pinned traffic", func(e *Evidence) { e.Rollout.OnLatest = false }, TrafficPinned, Person},
	{"pinned to a revision of the past", func(e *Evidence) {
		e.Rollout.OnLatest, e.Symptom.Revision = false, "hello-00000-old"
	}, TrafficPinned, Person},
	{"stuck", func(*Evidence) {}, StuckRevision, Redeploy},
	{"stuck behind a host pattern", func(e *Evidence) { e.Symptom.URL = "https://a.shop.example.com/api/1" },
		StuckRevision, Redeploy},
	{"stuck, and the policy wants advice", func(e *Evidence) { e.Settings.Redeploy = policy.RedeployAdvise },
		StuckRevision, Advise},
	{"stuck, and the policy forbids", func(e *Evidence) { e.Settings.Redeploy = policy.RedeployOff },
		StuckRevision, Person},
	{"stuck, and who we are is not known", func(e *Evidence) { e.Self = nil }, StuckRevision, Advise},
	{"redeployed by us, and refused since", func(e *Evidence) {
		e.Rollout.Serving = ours("hello-00002-def", ago(10*time.Minute))
		e.Rollout.Newest, e.Symptom.Revision = e.Rollout.Serving, "hello-00002-def"
	}, FailingAfterRedeploy, Person},
	{"redeployed by us long ago: not again for ever", func(e *Evidence) {
		e.Rollout.Serving = ours("hello-00002-def", ago(40*time.Hour))
		e.Rollout.Newest, e.Symptom.Revision = e.Rollout.Serving, "hello-00002-def"
	}, FailingAfterRedeploy, Person},
	{"our revision never became ready",
		func(e *Evidence) { e.Rollout.Newest = ours("hello-00002-def", ago(10*time.Minute)) }, FailingAfterRedeploy, Person},
	{"redeployed within the hour, deployed by others since", func(e *Evidence) {
		e.Rollout.Recent = append(e.Rollout.Recent, ours("hello-00000-x", ago(59*time.Minute)))
	}, RedeployedTooOften, Hold},
	{"redeployed more than an hour ago", func(e *Evidence) {
		e.Rollout.Recent = append(e.Rollout.Recent, ours("hello-00000-x", ago(61*time.Minute)),
			ours("hello-00000-y", ago(3*time.Hour)))
	}, StuckRevision, Redeploy},
	{"redeployed three times in a day", func(e *Evidence) {
		e.Rollout.Recent = append(e.Rollout.Recent, ours("x", ago(2*time.Hour)), ours("y", ago(4*time.Hour)),
			ours("z", ago(23*time.Hour)))
	}, RedeployedTooOften, Hold},
	{"revisions are not readable", func(e *Evidence) { e.Unread = denied(posture.PartRollout) }, EvidenceMissing, Person},
	{"the request log is not readable, and no request is known", func(e *Evidence) {
		e.Symptom, e.Unread = nil, denied(posture.PartRequestLog)
	}, EvidenceMissing, Person},
	{"whether IAP's API is on is not readable", func(e *Evidence) { e.Unread = denied(posture.PartIAPAPI) },
		EvidenceMissing, Person},
	{"the grant's age is not known", func(e *Evidence) { e.Posture.Invokers.ChangedAt = time.Time{} },
		EvidenceMissing, Person},
	{"the refusal's time is not known", func(e *Evidence) { e.Symptom.At = time.Time{} }, EvidenceMissing, Person},
	{"the revision's age is not known", func(e *Evidence) { e.Rollout.Serving.CreatedAt = time.Time{} },
		EvidenceMissing, Person},
	{"a host that no load balancer has", func(e *Evidence) { e.Symptom.URL = "https://elsewhere.example.com/" },
		EvidenceMissing, Person},
	{"no URL", func(e *Evidence) { e.Symptom.URL = "" }, EvidenceMissing, Person},
	{"a load balancer whose hosts cannot be read",
		func(e *Evidence) { e.Posture.Backends[0].Frontends[0].Unread = "denied" }, EvidenceMissing, Person},
	{"a refusal from the future", func(e *Evidence) { e.Symptom.At = now.Add(2 * time.Minute) }, ClocksDisagree, Person},
	{"a grant from the future", func(e *Evidence) { e.Posture.Invokers.ChangedAt = now.Add(time.Hour) },
		ClocksDisagree, Person},
	{"a revision from the future", func(e *Evidence) { e.Rollout.Newest.CreatedAt = now.Add(time.Hour) },
		ClocksDisagree, Person},
}

func TestEveryDiseaseHasItsVerdictAndItsRemedy(t *testing.T) {
	given := map[Verdict]bool{}
	for _, tc := range rows {
		e := stuckEvidence()
		tc.change(&e)
		got := Diagnose(e, now)
		given[tc.verdict] = true
		if got.Verdict != tc.verdict || got.Remedy != tc.remedy {
			t.Errorf("%s: %s, %s (%s), want %s, %s", tc.name, got.Verdict, got.Remedy, got.Why, tc.verdict, tc.remedy)
		}
		if got.Why == "" || strings.Contains(got.Why, "\n") || len(got.Checked) < 4 {
			t.Errorf("%s: why %q, checked %v: want one line and what was looked at", tc.name, got.Why, got.Checked)
		}
		if (got.Remedy == Wait) == got.Until.IsZero() {
			t.Errorf("%s: remedy %s until %s", tc.name, got.Remedy, got.Until)
		}
		if got.Remedy == Person && len(got.Advice) == 0 {
			t.Errorf("%s: a person must act, and the advice is empty", tc.name)
		}
		for _, checked := range got.Checked {
			if checked.Found == "" {
				t.Errorf("%s: nothing is said of %s", tc.name, checked.What)
			}
		}
	}
	for _, verdict := range Verdicts() {
		if !given[verdict] {
			t.Errorf("no row ends in %s", verdict)
		}
	}
}

func TestOfSeveralRefusalsTheMostTellingCounts(t *testing.T) {
	e := stuckEvidence()
	notInvoker := *e.Symptom
	at := func(log refusal.Log, status int, age time.Duration) refusal.Request {
		s := notInvoker
		s.Log, s.Status, s.At = log, status, ago(age)
		return s
	}
	old := notInvoker
	old.At = ago(2 * time.Hour)
	for _, tc := range []struct {
		name    string
		refused []refusal.Request
		want    Verdict
	}{
		{"none", nil, NothingFound},
		{"visitors that IAP refuses do not hide a stuck revision",
			[]refusal.Request{at(refusal.LoadBalancerLog, 403, time.Second), notInvoker}, StuckRevision},
		{"nor do foreign tokens",
			[]refusal.Request{at(refusal.CloudRunLog, 401, time.Second), notInvoker}, StuckRevision},
		{"IAP's own errors come first",
			[]refusal.Request{notInvoker, at(refusal.LoadBalancerLog, 500, time.Minute)}, IAPFailing},
		{"a refusal that was remedied hides no other",
			[]refusal.Request{old, at(refusal.LoadBalancerLog, 403, time.Minute)}, NotAnAccessor},
		{"all of them were remedied", []refusal.Request{old, at(refusal.LoadBalancerLog, 500, 2*time.Hour)}, OldNews},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e.Symptom, e.Refused = nil, tc.refused
			if got := Diagnose(e, now); got.Verdict != tc.want {
				t.Errorf("%s (%s), want %s", got.Verdict, got.Why, tc.want)
			}
		})
	}
}

func TestAServiceThatCannotBeLookedAtIsUnknownUnlessIAPsAPIIsOff(t *testing.T) {
	target := stuckEvidence().Posture.Target
	for _, tc := range []struct {
		disabled string
		want     Verdict
		advice   string
	}{
		{"", EvidenceMissing, "grant it"},
		{"run.googleapis.com", EvidenceMissing, "grant it"},
		{"iap.googleapis.com", IAPAPIDisabled,
			"switch it on: gcloud services enable iap.googleapis.com --project=demo-project"},
	} {
		got := Blind(target, tc.disabled, []string{"denied", "grant it"})
		if got.Verdict != tc.want || got.Remedy != Person || len(got.Checked) == 0 ||
			!slices.Equal(got.Advice, []string{tc.advice}) {
			t.Errorf("%q is off: %+v, want %s and advice %q", tc.disabled, got, tc.want, tc.advice)
		}
	}
}

func TestAStrangerIsTurnedAwayAsThePolicyWants(t *testing.T) {
	for _, tc := range []struct {
		ingress posture.Ingress
		keep    bool
		word    string
	}{
		{posture.IngressAll, false, "iapguard apply"},
		{posture.IngressAll, true, "ingress: restrict"},
		{posture.IngressInternalLoadBalancing, false, "load balancer's address"},
	} {
		e := stuckEvidence()
		byDefaultURL(&e)
		e.Posture.Service.Ingress, e.Settings.KeepIngress = tc.ingress, tc.keep
		got := Diagnose(e, now).Advice
		if len(got) != 1 || !strings.Contains(got[0], tc.word) ||
			strings.Contains(got[0], "apply") != (tc.word == "iapguard apply") {
			t.Errorf("ingress %s, kept %t: %q, want %q in it", tc.ingress, tc.keep, got, tc.word)
		}
	}
}

func TestWaitingEndsWhenTheGrantHolds(t *testing.T) {
	e := stuckEvidence()
	e.Posture.Invokers.ChangedAt = ago(30 * time.Second)
	until := Diagnose(e, now).Until
	if want := now.Add(90 * time.Second); !until.Equal(want) {
		t.Fatalf("wait until %s, want %s", until, want)
	}
	if got := Diagnose(e, until); got.Verdict != OldNews {
		t.Errorf("then the same refusal is %s, want %s", got.Verdict, OldNews)
	}
}

func TestRemainingCausesComeWithHowToCheckThem(t *testing.T) {
	e := stuckEvidence()
	e.Rollout.Newest.Creator = self
	got := Diagnose(e, now)
	for _, word := range []string{"deny policy", "run.routes.invoke", "allowlist", "organisation policy",
		"VPC Service Controls", "another project", "X-Serverless-Authorization"} {
		if !slices.ContainsFunc(got.Advice,
			func(line string) bool { return strings.Contains(line, word) && strings.Contains(line, ":") }) {
			t.Errorf("the advice %q says nothing of %s", got.Advice, word)
		}
	}
}

// decisive reports whether something is unread that a redeploy rests on. IAP's refusals at
// the load balancer are none of it.
func decisive(unread map[posture.Part]posture.Unread) bool {
	_, log := unread[posture.PartLoadBalancerLog]
	return len(unread) > 1 || len(unread) == 1 && !log
}

// proven says, in its own words, what must hold before a new revision is forced.
func proven(e Evidence) error {
	granting := e.Posture.Invokers
	if !granting.Holds(posture.RoleInvoker, agent) {
		granting = e.Posture.Project
	}
	grantHeld := granting.ChangedAt.Add(e.Settings.Propagation)
	recent := map[string]bool{}
	for _, r := range append(slices.Clone(e.Rollout.Recent), e.Rollout.Serving, e.Rollout.Newest) {
		if e.madeByUs(r) && now.Sub(r.CreatedAt) < time.Hour {
			recent[r.Name] = true
		}
	}
	switch {
	case !granting.Holds(posture.RoleInvoker, agent):
		return fmt.Errorf("the grant is not proven: %+v", granting)
	case granting.ChangedAt.IsZero() || now.Before(grantHeld):
		return fmt.Errorf("the grant may not hold yet: %s", granting.ChangedAt)
	case e.Symptom == nil || e.Symptom.At.After(now.Add(skew)) || !e.Symptom.At.After(grantHeld) ||
		!e.Symptom.At.After(e.Rollout.Serving.CreatedAt):
		return fmt.Errorf("the refusal is too old, or from the future: %+v", e.Symptom)
	case e.refusal() != refusal.NotInvoker || e.Symptom.AtDefaultURL() && !e.Posture.Service.IAPOn:
		return fmt.Errorf("it was not IAP's agent that was refused: %+v", e.Symptom)
	case !e.Rollout.OnLatest || e.Rollout.Serving.CreatedAt.IsZero():
		return fmt.Errorf("a new revision would not serve: %+v", e.Rollout)
	case len(e.Self) == 0 || len(recent) > 0 || e.madeByUs(e.Rollout.Newest):
		return fmt.Errorf("it was done a short time ago: %+v", e.Rollout)
	case e.Settings.Redeploy != policy.RedeployEnforce || e.Posture.Service.Reconciling || decisive(e.Unread):
		return fmt.Errorf("it is not wanted, too early, or not known: %+v", e)
	}
	return nil
}

func TestNothingIsRedeployedWithoutProof(t *testing.T) {
	const tries = 20_000
	redeployed, random := 0, rand.New(rand.NewPCG(6, 6))
	for i := range tries {
		e := stuckEvidence()
		// Most of what can be wrong is wrong in few of them, so that some get far.
		for range random.IntN(4) {
			rows[random.IntN(len(rows))].change(&e)
			if e.Symptom == nil || len(e.Posture.Backends) == 0 {
				break // other rows change what is in them
			}
		}
		shake(random, &e)
		got := Diagnose(e, now)
		if again := Diagnose(e, now); cmp.Diff(got, again) != "" {
			t.Fatalf("try %d: two answers to one question", i)
		}
		if got.Remedy != Redeploy {
			continue
		}
		redeployed++
		if err := proven(e); err != nil {
			t.Fatalf("try %d: redeployed without proof: %v", i, err)
		}
	}
	if redeployed < tries/100 {
		t.Errorf("only %d of %d were redeployed: this proves little", redeployed, tries)
	}
}

// shake moves times to and fro.
func shake(random *rand.Rand, e *Evidence) {
	move := func(at *time.Time) {
		if random.IntN(3) == 0 {
			*at = now.Add(time.Duration(random.Int64N(int64(6*time.Minute))) - 5*time.Minute)
		}
	}
	move(&e.Posture.Invokers.ChangedAt)
	move(&e.Rollout.Serving.CreatedAt)
	move(&e.Rollout.Newest.CreatedAt)
	if e.Symptom != nil {
		move(&e.Symptom.At)
	}
	e.Settings.Propagation = time.Duration(random.IntN(8)) * time.Minute
}
