package protection

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// directWanted is a service that is as the direct recipe wants it.
func directWanted(p *posture.Posture, want *policy.Wanted) {
	posturetest.DirectIAP(p, want)
	want.Recipe, p.DirectAccess = policy.RecipeDirect, grant(posture.RoleAccessor, posturetest.Alice)
}

func without(what policy.WithoutLoadBalancer) func(*posture.Posture, *policy.Wanted) {
	return func(p *posture.Posture, want *policy.Wanted) { p.Backends, want.WithoutLoadBalancer = nil, what }
}

func TestDirectIAPIsOnWhereThePolicyWantsIt(t *testing.T) {
	check(t, directIAPOn, []row{
		{"on", directWanted, nil},
		{"off", func(p *posture.Posture, want *policy.Wanted) { directWanted(p, want); p.Service.IAPOn = false },
			[]Code{DirectIAPOff}},
		{"off, without a load balancer", without(policy.WithoutDirect), []Code{DirectIAPOff}},
		{"off, without a load balancer, and the policy waits", without(policy.WithoutWait), nil},
		{"off, and a load balancer is there",
			func(_ *posture.Posture, want *policy.Wanted) { want.WithoutLoadBalancer = policy.WithoutDirect }, nil},
	})
	check(t, loadBalancer, []row{
		{"direct without one", without(policy.WithoutDirect), nil},
		{"closed without one", without(policy.WithoutClose), []Code{NoLoadBalancer}},
	})
	check(t, accessors, []row{
		{"direct, with access", directWanted, nil},
		{"direct, without access", func(p *posture.Posture, want *policy.Wanted) {
			directWanted(p, want)
			p.DirectAccess = posture.Policy{}
		}, []Code{AccessorMissing}},
		{"direct as it was found", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			p.DirectAccess = posture.Policy{}
		}, nil},
		{"direct, access by a policy above", func(p *posture.Posture, want *policy.Wanted) {
			directWanted(p, want)
			p.DirectAccess, p.DirectInherited = posture.Policy{}, []posture.Policy{grant(posture.RoleAccessor,
				posturetest.Alice)}
		}, nil},
	})
}

func TestGoingFromOneIAPToTheOtherIsForAPerson(t *testing.T) {
	check(t, recipeKept, []row{
		{"direct as wanted", directWanted, nil},
		{"direct where the policy leaves it open", posturetest.DirectIAP, nil},
		{"at the load balancer, wanted direct",
			func(_ *posture.Posture, want *policy.Wanted) { want.Recipe = policy.RecipeDirect }, []Code{otherRecipe}},
		{"direct, wanted at the load balancer", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			want.Recipe = policy.RecipeLoadBalancer
		}, []Code{otherRecipe}},
		{"direct, wanted at a load balancer that is not there yet", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			want.Recipe, p.Backends = policy.RecipeLoadBalancer, nil
		}, nil},
	})
	p, want := posturetest.Protected(), posturetest.Wanted()
	p.Backends[0].ID, want.Recipe = "77", policy.RecipeDirect
	for _, part := range []string{"--iap=disabled", "/projects/123456789012/global/backendServices/77",
		"/projects/123456789012/locations/us-central1/services/hello"} {
		if remedy := recipeKept(p, want)[0].Remedy; !strings.Contains(remedy, part) {
			t.Errorf("the remedy %q does not say %s", remedy, part)
		}
	}
}

func TestAudiencesAreThoseOfEveryIAPThatIsOn(t *testing.T) {
	p := posturetest.Protected()
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
