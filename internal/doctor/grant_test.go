package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestOthersInThePolicyAreNotTakenForTheAgent(t *testing.T) {
	other := "user:carol@example.com"
	viewer := posture.Binding{Role: "roles/run.viewer", Members: []string{agent}}
	for _, tc := range []struct {
		name     string
		bindings []posture.Binding
		want     grant
	}{
		{"somebody else may invoke", []posture.Binding{invoker("", other)}, grantNowhere},
		{"a deleted agent that could only look",
			[]posture.Binding{{Role: "roles/run.viewer", Members: []string{"deleted:" + agent + "?uid=1"}}}, grantNowhere},
		{"a deleted account of another name", []posture.Binding{invoker("", "deleted:"+other+"?uid=1")}, grantNowhere},
		{"a deleted agent, and the new one may only look",
			[]posture.Binding{invoker("", "deleted:"+agent+"?uid=1"), viewer}, grantDeleted},
		{"the new one may look, and a deleted one invoke",
			[]posture.Binding{viewer, invoker("", "deleted:"+agent+"?uid=1")}, grantDeleted},
		{"the new one holds a condition beside the deleted",
			[]posture.Binding{invoker("", "deleted:"+agent+"?uid=1"), invoker("c", agent)}, grantConditional},
	} {
		e := stuckEvidence()
		e.Symptom, e.Posture.Invokers = nil, invokers(tc.bindings...)
		if got := e.grant(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestEvidenceNamesEachCheckAndItsResult(t *testing.T) {
	usual := []Checked{
		{"refused request", "403 at 2026-11-23T11:59:00Z for https://hello.example.com/, in Cloud Run's request log"},
		{"IAP", "on at projects/demo-project/global/backendServices/hello-backend; off at the service itself"},
		{"ingress", "internal-and-cloud-load-balancing"},
		{"IAP's agent service-123456789012@gcp-sa-iap.iam.gserviceaccount.com as invoker",
			"granted, without a condition; the policy was last changed at 2026-11-23T11:00:00Z, 1h0m0s ago"},
		{"serving revision", "hello-00001-abc, made at 2026-11-21T12:00:00Z by dev@example.com"},
		{"traffic", "goes to the latest revision"},
		{"IAP's API", "enabled"},
	}
	for _, tc := range []struct {
		name   string
		change func(*Evidence)
		want   map[string]string // what differs from the usual; "" = not recognised
		more   []Checked
	}{
		{"all is known", func(*Evidence) {}, nil, nil},
		{"nobody was refused", func(e *Evidence) { e.Symptom = nil },
			map[string]string{"refused request": "none is known"}, nil},
		{"no load balancer, IAP at the service",
			func(e *Evidence) { e.Posture.Backends, e.Posture.Service.IAPOn = nil, true },
			map[string]string{"IAP": "no load balancer leads to the service; on at the service itself"}, nil},
		{"IAP is off", func(e *Evidence) { e.Posture.Backends[0].IAPOn = false },
			map[string]string{
				"IAP": "off at projects/demo-project/global/backendServices/hello-backend; off at the service itself"}, nil},
		{"nobody knows when the policy changed", func(e *Evidence) { e.Posture.Invokers.ChangedAt = time.Time{} },
			map[string]string{usual[3].What: "granted, without a condition"}, nil},
		{"no revision is ready", func(e *Evidence) { e.Rollout.Serving = posture.Revision{} },
			map[string]string{"serving revision": "none is ready"}, nil},
		{"traffic is pinned", func(e *Evidence) { e.Rollout.OnLatest = false },
			map[string]string{"traffic": "is pinned to a named revision, in part or in whole"}, nil},
		{"the API is off", func(e *Evidence) { e.IAPDisabled = true }, map[string]string{"IAP's API": "switched off"}, nil},
		{"revisions cannot be read", func(e *Evidence) { e.Unread = denied(posture.PartRollout) },
			map[string]string{"serving revision": "", "traffic": ""},
			[]Checked{{string(posture.PartRollout), "unknown: denied"}}},
		{"the load balancer was asked", func(e *Evidence) { e.Counted = &Counted{Forbidden: 3} }, nil, []Checked{{
			"the load balancer's own count",
			"requests answered with 403 from 2026-11-23T11:49:00Z to 2026-11-23T12:01:00Z: 3"}}},
		{"the load balancer's count cannot be read",
			func(e *Evidence) { e.Counted = &Counted{Unread: &posture.Unread{Why: "denied"}} }, nil,
			[]Checked{{"the load balancer's own count", "unknown: denied"}}},
		{"the API's state cannot be read", func(e *Evidence) { e.Unread = denied(posture.PartIAPAPI) },
			map[string]string{"IAP's API": ""}, []Checked{{string(posture.PartIAPAPI), "unknown: denied"}}},
	} {
		e := stuckEvidence()
		e.Counted = nil
		tc.change(&e)
		var want []Checked
		for _, each := range usual {
			found, differs := tc.want[each.What]
			if !differs {
				want = append(want, each)
			} else if found != "" {
				want = append(want, Checked{each.What, found})
			}
		}
		if diff := cmp.Diff(append(want, tc.more...), e.checked(now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAVisitorsAccessIsGrantedWhereIAPRefused(t *testing.T) {
	const global = "gcloud iap web add-iam-policy-binding --resource-type=backend-services --service="
	const direct = "gcloud beta iap web add-iam-policy-binding --resource-type=cloud-run --service=hello " +
		"--region=us-central1"
	const other = "; at the other load balancer: "
	at := func(name string, hosts ...string) posture.Backend {
		return posture.Backend{Project: "demo-project", Location: posture.Global, Name: name, IAPOn: true,
			Frontends: []posture.Frontend{{Hosts: hosts}}}
	}
	off, regional := at("off", "a.example.com"), at("regional")
	off.IAPOn, regional.Location = false, "europe-west1"
	a, b := at("a", "a.example.com"), at("b", "b.example.com")
	for _, tc := range []struct {
		name, host string
		backends   []posture.Backend
		want       []string
	}{
		{"global", "", []posture.Backend{a}, []string{global + "a"}},
		{"not where it is off", "a.example.com", []posture.Backend{off, b}, []string{global + "b"}},
		{"regional", "", []posture.Backend{regional}, []string{global + "regional --region=europe-west1"}},
		{"at the service itself", "", []posture.Backend{off}, []string{direct}},
		{"where the host leads to", "b.example.com", []posture.Backend{a, b}, []string{global + "b"}},
		{"where the host may lead to", "", []posture.Backend{a, b}, []string{global + "a", global + "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const rest = " --project=demo-project --role=roles/iap.httpsResourceAccessor --member=user:EMAIL"
			want := "if they are to get in: " + strings.Join(tc.want, rest+other) + rest
			p := stuckEvidence().Posture
			p.Backends = tc.backends
			if diff := cmp.Diff(want, grantAccess(p, tc.host)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnknownDoorIsNamedAsTheLogHasIt(t *testing.T) {
	for url, want := range map[string]string{
		"":                               "its log entry lacks the address",
		"https://elsewhere.example.com/": `the request for "elsewhere.example.com" came in is not known`,
	} {
		e := stuckEvidence()
		e.Symptom.URL = url
		if got := Diagnose(e, now); !strings.Contains(got.Why, want) {
			t.Errorf("%q: %q, want words like %q", url, got.Why, want)
		}
	}
}

func TestAfterTheRemedyAStrangerStillUsesTheLoadBalancer(t *testing.T) {
	target := stuckEvidence().Posture.Target
	for verdict, want := range map[Verdict]string{
		StrangerAtDefaultURL: useLoadBalancer,
		GrantMissing: "open the page again; it may take 2 minutes until this holds everywhere. If visitors are " +
			"refused after that: iapguard doctor " + target.Name(),
	} {
		if diff := cmp.Diff([]string{want}, Diagnosis{Verdict: verdict}.Afterwards(target, 2*time.Minute)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", verdict, diff)
		}
	}
}

func TestRevisionThatNeverBecameReadyIsNamed(t *testing.T) {
	for _, tc := range []struct{ serving, want string }{
		{"hello-00002-xyz", "requests are still refused"},
		{"hello-00001-abc", "it has not become ready"},
	} {
		e := stuckEvidence()
		e.Rollout.Newest = ours("hello-00002-xyz", ago(2*time.Hour))
		e.Rollout.Serving.Name = tc.serving
		if got := redeployedInVain(e, now); got == nil || !strings.Contains(got.Why, tc.want) {
			t.Errorf("%s serves: %+v, want words like %q", tc.serving, got, tc.want)
		}
	}
}
