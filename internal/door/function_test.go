package door

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAFunctionHasAnAddressOfItsOwn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []Guard
	}{
		{"closed by ingress", func(*posture.Posture) {}, []Guard{GuardIngress}},
		{"open", func(p *posture.Posture) {
			p.Service.Ingress, p.Service.InvokerCheckOff = posture.IngressAll, true
		}, []Guard{GuardOpen}},
		{"open but for the default URL", func(p *posture.Posture) {
			p.Service.Ingress, p.Service.InvokerCheckOff, p.Service.DefaultURLDisabled = posture.IngressAll, true, true
		}, []Guard{GuardUnknown}},
		{"invokers alone", func(p *posture.Posture) {
			p.Service.Ingress, p.Service.DefaultURLDisabled = posture.IngressAll, true
		}, []Guard{GuardIAM}},
		{"not a function", func(p *posture.Posture) { p.Service.Labels = nil }, nil},
	} {
		p := posturetest.Protected()
		p.Service.Labels = map[string]string{"goog-managed-by": "cloudfunctions"}
		tc.change(&p)
		var got []Guard
		for _, door := range Of(p) {
			if door.Kind == FunctionURL {
				got = append(got, door.Guard)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestALoadBalancerForFunctionsMayLeadHere(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []Guard
	}{
		{"the service is a function", func(*posture.Posture) {}, []Guard{GuardIAM}},
		{"that anyone may invoke", func(p *posture.Posture) { p.Service.InvokerCheckOff = true }, []Guard{GuardUnknown}},
		{"with IAP before it", func(p *posture.Posture) { p.FunctionBackends[0].IAPOn = true }, []Guard{GuardUnknown}},
		{"without the agent's grant", func(p *posture.Posture) {
			p.FunctionBackends[0].IAPOn, p.Invokers = true, posture.Policy{}
		}, []Guard{GuardIAP}},
		{"which the ingress closes", func(p *posture.Posture) {
			p.Service.InvokerCheckOff, p.Service.Ingress = true, posture.IngressInternal
		}, []Guard{GuardIngress}},
		{"the service is not a function", func(p *posture.Posture) { p.Service.Labels = nil }, nil},
	} {
		p := posturetest.Protected()
		p.Service.Labels = map[string]string{"goog-managed-by": "cloudfunctions"}
		p.FunctionBackends = []posture.Backend{{Scheme: "EXTERNAL_MANAGED", Frontends: p.Backends[0].Frontends}}
		p.Backends = nil
		tc.change(&p)
		var got []Guard
		for _, door := range Of(p) {
			if door.Kind == LoadBalancer {
				got = append(got, door.Guard)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: guards (-want +got):\n%s", tc.name, diff)
		}
	}
}
