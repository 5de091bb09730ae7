package posture

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// directWanted is a service that is as the direct recipe wants it.
func directWanted(p *Posture, want *Wanted) {
	directIAP(p, want)
	want.Recipe, p.DirectAccess = RecipeDirect, grant(RoleAccessor, alice)
}

func without(what WithoutLoadBalancer) func(*Posture, *Wanted) {
	return func(p *Posture, want *Wanted) { p.Backends, want.WithoutLoadBalancer = nil, what }
}

func TestDirectIAPIsOnWhereThePolicyWantsIt(t *testing.T) {
	check(t, directIAPOn, []row{
		{"on", directWanted, nil},
		{"off", func(p *Posture, want *Wanted) { directWanted(p, want); p.Service.IAPOn = false }, []Code{DirectIAPOff}},
		{"off, without a load balancer", without(WithoutDirect), []Code{DirectIAPOff}},
		{"off, without a load balancer, and the policy waits", without(WithoutWait), nil},
		{"off, and a load balancer is there", func(_ *Posture, want *Wanted) { want.WithoutLoadBalancer = WithoutDirect }, nil},
	})
	check(t, loadBalancer, []row{
		{"direct without one", without(WithoutDirect), nil},
		{"closed without one", without(WithoutClose), []Code{NoLoadBalancer}},
	})
	check(t, accessors, []row{
		{"direct, with access", directWanted, nil},
		{"direct, without access", func(p *Posture, want *Wanted) { directWanted(p, want); p.DirectAccess = Policy{} }, []Code{AccessorMissing}},
		{"direct as it was found", func(p *Posture, want *Wanted) { directIAP(p, want); p.DirectAccess = Policy{} }, nil},
		{"direct, access by a policy above", func(p *Posture, want *Wanted) {
			directWanted(p, want)
			p.DirectAccess, p.DirectInherited = Policy{}, []Policy{grant(RoleAccessor, alice)}
		}, nil},
	})
}

func TestGoingFromOneIAPToTheOtherIsForAPerson(t *testing.T) {
	check(t, recipeKept, []row{
		{"direct as wanted", directWanted, nil},
		{"direct where the policy leaves it open", directIAP, nil},
		{"at the load balancer, wanted direct", func(_ *Posture, want *Wanted) { want.Recipe = RecipeDirect }, []Code{RecipeChange}},
		{"direct, wanted at the load balancer", func(p *Posture, want *Wanted) { directIAP(p, want); want.Recipe = RecipeLoadBalancer }, []Code{RecipeChange}},
		{"direct, wanted at a load balancer that is not there yet", func(p *Posture, want *Wanted) {
			directIAP(p, want)
			want.Recipe, p.Backends = RecipeLoadBalancer, nil
		}, nil},
	})
	p, want := protected(), wanted()
	p.Backends[0].ID, want.Recipe = "77", RecipeDirect
	for _, part := range []string{"--iap=disabled", "/projects/123456789012/global/backendServices/77", "/projects/123456789012/locations/us-central1/services/hello"} {
		if remedy := recipeKept(p, want)[0].Remedy; !strings.Contains(remedy, part) {
			t.Errorf("the remedy %q does not tell %s", remedy, part)
		}
	}
}

func TestAudiencesAreThoseOfEveryIAPThatIsOn(t *testing.T) {
	p := protected()
	p.Backends[0].ID = "77"
	second := p.Backends[0]
	second.Location, second.ID = "europe-west1", "78"
	off := p.Backends[0]
	off.IAPOn = false
	p.Backends = append(p.Backends, second, off)
	p.Service.IAPOn = true
	want := []string{
		"/projects/123456789012/locations/us-central1/services/hello",
		"/projects/123456789012/global/backendServices/77", "/projects/123456789012/europe-west1/backendServices/78",
	}
	if diff := cmp.Diff(want, p.Audiences()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
