package door

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestCopiesOfRequestsHaveADoorOfTheirOwnInRegions(t *testing.T) {
	part := posturetest.Protected()
	copied := part.Backends[0].Frontends[0]
	copied.Mirror = true
	part.Backends[0].Frontends = append(part.Backends[0].Frontends, copied)
	whole := posture.Posture{Target: posturetest.Hello, ProjectNumber: posturetest.Number}
	whole.Target.Location = posture.Global
	if diff := cmp.Diff(frontendDoors(part), Of(whole.WithRegions([]posture.Posture{part}))[1:]); diff != "" {
		t.Errorf("(-one region +of several):\n%s", diff)
	}
}

func TestAMultiRegionServiceIsAsOpenAsItsLoosestRegion(t *testing.T) {
	const rule = "projects/demo-project/global/forwardingRules/hello-https"
	part := func(region string, change func(*posture.Posture)) posture.Posture {
		p := posturetest.Protected()
		p.Target.Location, p.Service.URLs, p.Backends[0].IAPOn = region, []string{"https://" + region + ".a.run.app"}, false
		p.Service.Ingress = posture.IngressAll
		change(&p)
		return p
	}
	same := func(*posture.Posture) {}
	public := func(p *posture.Posture) { p.Invokers.Bindings[0].Members = []string{"allUsers"} }
	for _, tc := range []struct {
		name     string
		one, two func(*posture.Posture)
		want     []Guard // of both addresses and of the load balancer
		exposed  Knowledge
	}{
		{"alike", same, same, []Guard{GuardIAM, GuardIAM, GuardIAM}, No},
		{"one region is public", same, public, []Guard{GuardIAM, GuardOpen, GuardOpen}, Yes},
		{"one region is unread", func(p *posture.Posture) { p.Invokers.Unread = "403" }, same,
			[]Guard{GuardUnknown, GuardIAM, GuardUnknown}, Unknown},
		{"one has another ingress", func(p *posture.Posture) { p.Service.Ingress = posture.IngressInternal }, public,
			[]Guard{GuardIngress, GuardOpen, GuardOpen}, Yes},
		{"only one has a load balancer", func(p *posture.Posture) { p.Backends[0].IAPOn = true },
			func(p *posture.Posture) { p.Backends = nil }, []Guard{GuardIAM, GuardIAM, GuardIAP}, No},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := posture.Posture{Target: posturetest.Hello, ProjectNumber: posturetest.Number,
				Regions: []posture.Posture{part("us-central1", tc.one), part("europe-west1", tc.two)}}
			p.Target.Location = posture.Global
			doors, got := Of(p), map[string]Guard{}
			for _, one := range doors {
				got[one.Address] = one.Guard
			}
			want := map[string]Guard{"https://us-central1.a.run.app": tc.want[0], "https://europe-west1.a.run.app": tc.want[1],
				"https://203.0.113.7": tc.want[2]}
			if diff := cmp.Diff(want, got); diff != "" || len(doors) != 3 || Exposed(doors) != tc.exposed {
				t.Errorf("%d doors, exposed %s, want %s (-want +got):\n%s", len(doors), Exposed(doors), tc.exposed, diff)
			}
			if at := len(doors) - 1; doors[at].Via != rule && doors[1].Via != rule {
				t.Errorf("no door is at %s: %+v", rule, doors)
			}
		})
	}
}

func TestALoadBalancerMayLeadToARegionThatIsNotWhollyRead(t *testing.T) {
	one, two := posturetest.Protected(), posturetest.Protected()
	two.Target.Location, two.Backends, two.BackendsUnread = "europe-west1", nil, "the list lacks europe-west1"
	whole := posture.Posture{Target: posturetest.Hello, ProjectNumber: posturetest.Number}
	whole.Target.Location = posture.Global
	for name, tc := range map[string]struct {
		change func(*posture.Posture)
		want   Guard
	}{
		"everybody may invoke there": {func(p *posture.Posture) { p.Invokers.Bindings[0].Members = []string{"allUsers"} }, GuardUnknown},
		"nobody may invoke there":    {func(p *posture.Posture) { p.Invokers.Bindings = nil }, GuardIAP},
	} {
		t.Run(name, func(t *testing.T) {
			changed := two
			changed.Invokers.Bindings = slices.Clone(two.Invokers.Bindings)
			tc.change(&changed)
			doors := Of(whole.WithRegions([]posture.Posture{one, changed}))
			at := slices.IndexFunc(doors, func(d Door) bool { return d.Address == "https://203.0.113.7" })
			if at < 0 || doors[at].Guard != tc.want {
				t.Errorf("doors %+v, want the load balancer's to be %s", doors, tc.want)
			}
		})
	}
}

func TestALoadBalancerForAnyAccountMayBeForEverybody(t *testing.T) {
	one, two := posturetest.Protected(), posturetest.Protected()
	one.Backends[0].IAPOn = false
	one.Invokers.Bindings = []posture.Binding{{Role: "roles/run.invoker", Members: []string{"allAuthenticatedUsers"}}}
	two.Target.Location, two.Backends, two.BackendsUnread = "europe-west1", nil, "the list lacks europe-west1"
	two.Invokers.Bindings = []posture.Binding{{Role: "roles/run.invoker", Members: []string{"allUsers"}}}
	whole := posture.Posture{Target: posturetest.Hello, ProjectNumber: posturetest.Number}
	whole.Target.Location = posture.Global
	doors := Of(whole.WithRegions([]posture.Posture{one, two}))
	at := slices.IndexFunc(doors, func(d Door) bool { return d.Address == "https://203.0.113.7" })
	const want = "any Google account may invoke it (allAuthenticatedUsers); " +
		"whether everybody gets in is not known: the list lacks europe-west1"
	if at < 0 || doors[at].Guard != GuardSignedIn || doors[at].Why != want {
		t.Errorf("doors %+v, want the load balancer's to be open to any account at least", doors)
	}
}
