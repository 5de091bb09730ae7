package decide

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

const us = "iapguard@demo-project.iam.gserviceaccount.com"

// ourselves is who we are, "" for somebody who does not know.
func ourselves(account string) event.Self {
	if account == "" {
		return event.Self{}
	}
	return event.Self{Principals: []string{account}}
}

// oursBy recognises the writes of an account.
func oursBy(account string) func(event.Write) bool {
	return func(w event.Write) bool { return wroteIt(ourselves(account), w) }
}

// fought is a service behind a global backend service.
func fought() posture.Posture {
	return posture.Posture{
		Target: hello, ProjectNumber: "123456789012",
		Backends: []posture.Backend{{Project: "demo-project", Location: posture.Global, Name: "hello-backend", ID: "77"}},
	}
}

var (
	enable = plan.Step{Change: plan.EnableIAP{}, Resource: "projects/demo-project/global/backendServices/hello-backend"}
	narrow = plan.Step{Change: plan.RestrictIngress{From: posture.IngressAll, To: posture.IngressInternalLoadBalancing},
		Resource: hello.Name()}
	grant = plan.Step{Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: "serviceAccount:agent"},
		Resource: hello.Name()}
	revoke = plan.Step{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}},
		Resource: hello.Name()}
)

// at is a minute of the story.
func at(minute int) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(minute) * time.Minute) }

// by makes a write ours, or Terraform's.
func by(minute int, ours bool, w event.Write) event.Write {
	w.At, w.Principal, w.UserAgent, w.Project = at(minute), "dev@example.com", "Terraform/1.13", "demo-project"
	if ours {
		w.Principal, w.UserAgent = us, "iapguard/0.1.0,gzip(gfe)"
	}
	return w
}

func iap(minute int, ours bool, value string) event.Write {
	w := event.Write{Cause: event.Cause{Kind: event.BackendServiceChanged, Location: posture.Global,
		BackendService: "hello-backend"}}
	switch value {
	case "?": // the entry does not say
	case "-":
		w.Complete = true
	case "anew":
		w.Recreated = true
	default:
		w.Complete, w.Settings = true, map[string]string{"iap.enabled": value}
	}
	return by(minute, ours, w)
}

func service(minute int, ours bool, field, value string) event.Write {
	w := event.Write{Cause: event.Cause{Kind: event.RunServiceChanged, Location: "us-central1", Service: "hello"},
		Complete: true}
	w.Settings = map[string]string{field: value}
	return by(minute, ours, w)
}

func invokers(minute int, ours bool, members ...string) event.Write {
	return by(minute, ours,
		event.Write{Cause: event.Cause{Kind: event.RunIAMChanged, Location: "us-central1", Service: "hello"},
			Policy: &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}}})
}

func TestARoundIsAWriteOfOursThatSomebodyElseUndid(t *testing.T) {
	const ours, theirs = true, false
	withClient := enable
	withClient.Change = plan.EnableIAP{Client: plan.OAuthClient{ID: "77.apps.googleusercontent.com",
		Secret: "projects/p/secrets/s/versions/1"}}
	anonymous := iap(2, theirs, "false")
	anonymous.Principal, anonymous.UserAgent = "", ""
	elsewhere := iap(2, theirs, "false")
	elsewhere.BackendService = "other-backend"
	byID := iap(2, theirs, "false")
	byID.BackendService, byID.Project = "77", "123456789012"
	borrowed := iap(1, theirs, "true")
	borrowed.Principal = us // and another tool
	for _, tc := range []struct {
		name   string
		step   plan.Step
		writes []event.Write
		want   int
	}{
		{"nothing happened", enable, nil, 0},
		{"never undone", enable, []event.Write{iap(1, ours, "true")}, 0},
		{"with a client of its own", withClient,
			[]event.Write{iap(1, ours, "true"), iap(2, theirs, "true"), iap(3, theirs, "false")}, 1},
		{"once", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "false")}, 1},
		{"three times", enable,
			[]event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, ours, "true"), iap(4, theirs, "false"),
				iap(5, ours, "true"), iap(6, theirs, "false")}, 3},
		{"two of ours in a row are one", enable,
			[]event.Write{iap(1, ours, "true"), iap(2, ours, "true"), iap(3, theirs, "false")}, 1},
		{"two of theirs in a row are one", enable,
			[]event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, theirs, "false")}, 1},
		{"off before we came", enable, []event.Write{iap(1, theirs, "false"), iap(2, theirs, "false")}, 0},
		{"a harmless write", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "-"), iap(3, theirs, "false")}, 1},
		{"harmless writes alone", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "-"), iap(3, theirs, "-")}, 0},
		{"it was set to what it is to be", enable, []event.Write{iap(1, ours, "true"), iap(2, theirs, "true")}, 0},
		{"the entries do not say", enable,
			[]event.Write{iap(1, ours, "?"), iap(2, theirs, "?"), iap(3, ours, "?"), iap(4, theirs, "?")}, 2},
		{"undone by us, on a person's word", enable,
			[]event.Write{iap(1, ours, "true"), iap(2, ours, "false"), iap(3, theirs, "false")}, 0},
		{"made anew", enable,
			[]event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, theirs, "anew"), iap(4, ours, "true"),
				iap(5, theirs, "false")}, 1},
		{"without a user agent", enable, []event.Write{iap(1, ours, "true"), anonymous}, 1},
		{"another backend service", enable, []event.Write{iap(1, ours, "true"), elsewhere}, 0},
		{"named by number", enable, []event.Write{iap(1, ours, "true"), byID}, 1},
		{"our account with another tool is not us", enable, []event.Write{borrowed, iap(2, theirs, "false")}, 0},
		{"somebody else restored it, and undid that", enable,
			[]event.Write{iap(1, ours, "true"), iap(2, theirs, "false"), iap(3, theirs, "true"), iap(4, theirs, "false")}, 1},
		{"two clocks apart: undone before it was made", enable,
			[]event.Write{iap(1, theirs, "false"), iap(1, ours, "true")}, 0},

		{"the ingress, with IAP and a deploy between", narrow,
			[]event.Write{service(1, ours, "ingress", "internal-and-cloud-load-balancing"), iap(2, theirs, "false"),
				service(3, theirs, "iapEnabled", "false"), service(4, theirs, "ingress", "all")}, 1},
		{"the ingress made stricter", narrow,
			[]event.Write{service(1, ours, "ingress", "internal-and-cloud-load-balancing"),
				service(2, theirs, "ingress", "internal")}, 0},
		{"our other write to the service", narrow,
			[]event.Write{service(1, ours, "invokerIamDisabled", "false"), service(2, theirs, "ingress", "all")}, 0},

		{"a grant, a harmless write and a revocation of ours", revoke,
			[]event.Write{invokers(1, ours, "allUsers", "serviceAccount:agent"),
				invokers(2, theirs, "allUsers", "serviceAccount:agent", "user:x"),
				invokers(3, ours, "serviceAccount:agent", "user:x"), invokers(4, theirs, "allUsers", "user:x")}, 1},
		{"an authoritative policy takes the grant", grant,
			[]event.Write{invokers(1, ours, "allUsers", "serviceAccount:agent"), invokers(2, ours, "serviceAccount:agent"),
				invokers(3, theirs, "allUsers"), invokers(4, ours, "allUsers", "serviceAccount:agent"),
				invokers(5, ours, "serviceAccount:agent"), invokers(6, theirs, "allUsers")}, 2},
		{"somebody else is granted", grant,
			[]event.Write{invokers(1, ours, "serviceAccount:agent"), invokers(2, theirs, "serviceAccount:agent", "user:x")}, 0},
	} {
		if got := contestOf(fought(), tc.step, tc.writes, oursBy(us)).Rounds; got != tc.want {
			t.Errorf("%s: %d rounds, want %d", tc.name, got, tc.want)
		}
	}
}

func TestAContestNamesWhoUndidItAndWhen(t *testing.T) {
	other := iap(4, false, "false")
	other.Principal, other.UserAgent = "ops@example.com", "google-cloud-sdk gcloud/528.0.0"
	got := contestOf(fought(), enable, []event.Write{
		iap(1, true, "true"), iap(2, false, "?"), iap(3, false, "false"), iap(3, true, "true"), other,
		iap(5, true, "true"), other,
	}, oursBy(us))
	first, last := at(3), at(4)
	want := report.Contest{Rounds: 3, FirstAt: &first, LastAt: &last, Actors: []report.Actor{
		{Principal: "dev@example.com", UserAgent: "Terraform/1.13"},
		{Principal: "ops@example.com", UserAgent: "google-cloud-sdk gcloud/528.0.0"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contest (-want +got):\n%s", diff)
	}
}
