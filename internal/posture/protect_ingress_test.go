package posture

import (
	"strings"
	"testing"
)

func TestTheIngressIsNeverLoosened(t *testing.T) {
	ingress := func(setting Ingress) func(*Posture, *Wanted) {
		return func(p *Posture, _ *Wanted) { p.Service.Ingress = setting }
	}
	check(t, ingressRestricted, []row{
		{"all", ingress(IngressAll), []Code{IngressOpen}},
		{"internal is stricter", ingress(IngressInternal), nil},
		{"none is stricter", ingress(IngressNone), nil},
		{"not known", ingress(IngressUnknown), nil},
		{"a setting that we do not know", ingress("INGRESS_TRAFFIC_MOON_ONLY"), nil},
		{"all, and the rule keeps it", func(p *Posture, want *Wanted) { p.Service.Ingress, want.KeepIngress = IngressAll, true }, nil},
		{"all, behind direct IAP", func(p *Posture, want *Wanted) { directIAP(p, want); p.Service.Ingress = IngressAll }, nil},
	})
	check(t, knownIngress, []row{
		{"not known", ingress(IngressUnknown), []Code{IngressNotKnown}},
		{"all", ingress(IngressAll), nil},
		{"not known, and the rule keeps it", func(p *Posture, want *Wanted) { p.Service.Ingress, want.KeepIngress = IngressUnknown, true }, nil},
	})
}

func TestTheDomainsThatARestrictionClosesAreNamed(t *testing.T) {
	p, want := protected(), wanted()
	p.Service.Ingress = IngressAll
	p.Domains = []Domain{{Host: "a.example.org"}, {Host: "b.example.org"}}
	findings := ingressRestricted(p, want)
	if len(findings) != 1 || !strings.Contains(findings[0].Why, "and the mapped domains a.example.org, b.example.org, which") {
		t.Errorf("found %+v, want a reason that names both domains", findings)
	}
}
