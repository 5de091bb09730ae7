package posture

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryDoorHasItsGuard(t *testing.T) {
	public := func(p *Posture) {
		p.Invokers.Bindings = append(p.Invokers.Bindings, Binding{Role: RoleInvoker, Members: []string{"allUsers"}})
	}
	for _, tc := range []struct {
		name             string
		change           func(*Posture)
		runApp, balancer Guard
		exposed          bool
	}{
		{"protected", func(*Posture) {}, GuardIngress, GuardIAP, false},
		{"as deployed", func(p *Posture) { public(p); p.Service.Ingress, p.Backends[0].IAPOn = IngressAll, false }, GuardOpen, GuardOpen, true},
		{"IAP on, the default URL forgotten", func(p *Posture) { public(p); p.Service.Ingress = IngressAll }, GuardOpen, GuardIAP, true},
		{"no public invoker", func(p *Posture) { p.Service.Ingress, p.Backends[0].IAPOn = IngressAll, false }, GuardIAM, GuardIAM, false},
		{"the check is off", func(p *Posture) { p.Service.InvokerCheckOff, p.Service.Ingress = true, IngressAll }, GuardOpen, GuardIAP, true},
		{"the default URL is disabled", func(p *Posture) { public(p); p.Service.Ingress, p.Service.DefaultURLDisabled = IngressAll, true }, GuardClosed, GuardIAP, false},
		{"direct IAP", func(p *Posture) { p.Service.Ingress = IngressAll; directIAP(p, nil) }, GuardIAP, GuardIAP, false},
		{"internal only", func(p *Posture) { public(p); p.Service.Ingress, p.Backends[0].IAPOn = IngressInternal, false }, GuardIngress, GuardIngress, false},
		{"unknown ingress is taken for the worst", func(p *Posture) { public(p); p.Service.Ingress = IngressUnknown }, GuardOpen, GuardIAP, true},
	} {
		p := protected()
		tc.change(&p)
		doors := p.Doors()
		want := []Door{
			{DefaultURL, "https://hello-abc-uc.a.run.app", hello.Name(), tc.runApp},
			{LoadBalancer, "https://203.0.113.7", "projects/demo-project/global/forwardingRules/hello-https", tc.balancer},
		}
		if diff := cmp.Diff(want, doors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if got := Exposed(doors); got != tc.exposed {
			t.Errorf("%s: exposed %v, want %v", tc.name, got, tc.exposed)
		}
	}
}
