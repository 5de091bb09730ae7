package report

import (
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/protection"
)

func TestOpenBecauseSaysInAFewWordsWhyItIsOpen(t *testing.T) {
	found := func(codes ...protection.Code) (all []Finding) {
		for _, code := range codes {
			all = append(all, Finding{Code: code})
		}
		return all
	}
	frontend := Door{Kind: door.LoadBalancer, Guard: door.GuardOpen}
	for _, tc := range []struct {
		name string
		r    Report
		want string
	}{
		{"public, from everywhere", Report{Exposed: door.Yes,
			Findings: found(protection.IngressOpen, protection.PublicInvoker)}, "allUsers, ingress all"},
		{"IAP off at both", Report{Exposed: door.Yes,
			Findings: found(protection.IAPOff, protection.DirectIAPOff)}, "IAP off"},
		{"no finding says it", Report{Exposed: door.Yes, Doors: []Door{frontend, frontend}}, "load-balancer"},
		{"not known", Report{Exposed: door.Unknown, Findings: found(protection.PublicInvoker),
			Doors: []Door{{Kind: door.DefaultURL, Guard: door.GuardUnknown}, frontend}}, "default-url not read"},
		{"closed", Report{Exposed: door.No, Findings: found(protection.PublicInvoker)}, ""},
	} {
		if got := tc.r.OpenBecause(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
