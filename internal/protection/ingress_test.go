package protection

import (
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestTheIngressIsNeverLoosened(t *testing.T) {
	ingress := func(setting posture.Ingress) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) { p.Service.Ingress = setting }
	}
	check(t, ingressRestricted, []row{
		{"all", ingress(posture.IngressAll), []Code{IngressOpen}},
		{"internal is stricter", ingress(posture.IngressInternal), nil},
		{"none is stricter", ingress(posture.IngressNone), nil},
		{"not known", ingress(posture.IngressUnknown), nil},
		{"a setting that we do not know", ingress("INGRESS_TRAFFIC_MOON_ONLY"), nil},
		{"all, and the rule keeps it", func(p *posture.Posture, want *policy.Wanted) {
			p.Service.Ingress, want.KeepIngress = posture.IngressAll, true
		}, nil},
		{"all, behind direct IAP", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			p.Service.Ingress = posture.IngressAll
		}, nil},
	})
	check(t, knownIngress, []row{
		{"not known", ingress(posture.IngressUnknown), []Code{IngressNotKnown}},
		{"all", ingress(posture.IngressAll), nil},
		{"not known, and the rule keeps it", func(p *posture.Posture, want *policy.Wanted) {
			p.Service.Ingress, want.KeepIngress = posture.IngressUnknown, true
		}, nil},
	})
}

func TestTheDomainsThatARestrictionClosesAreNamed(t *testing.T) {
	p, want := posturetest.Protected(), posturetest.Wanted()
	p.Service.Ingress = posture.IngressAll
	p.Domains = []posture.Domain{{Host: "a.example.org"}, {Host: "b.example.org"}}
	findings := ingressRestricted(p, want)
	if len(findings) != 1 ||
		!strings.Contains(findings[0].Why, "and the mapped domains a.example.org, b.example.org, which") {
		t.Errorf("found %+v, want a reason that names both domains", findings)
	}
}
