package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestSettingsThatLetRequestsPassAreNamedAtEveryIAP(t *testing.T) {
	check(t, iapSettings, []row{
		{"at the backend service", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Settings.AllowOptions = true
		}, []Code{IAPSettingsOpen}},
		{"at the service, where IAP is off", func(p *posture.Posture, _ *policy.Wanted) {
			p.DirectSettings.AllowOptions = true
		}, nil},
		{"at the service, where the policy wants a load balancer", func(p *posture.Posture, want *policy.Wanted) {
			p.Service.IAPOn, p.DirectSettings.AllowOptions, want.Recipe = true, true, policy.RecipeLoadBalancer
		}, []Code{IAPSettingsOpen}},
		{"at the service, which has no load balancer", func(p *posture.Posture, want *policy.Wanted) {
			p.Service.IAPOn, p.DirectSettings.AllowOptions, p.Backends = true, true, nil
		}, []Code{IAPSettingsOpen}},
		{"at both ends", func(p *posture.Posture, want *policy.Wanted) {
			p.Service.IAPOn, p.DirectSettings.AllowOptions, p.Backends[0].Settings.AllowOptions = true, true, true
		}, []Code{IAPSettingsOpen, IAPSettingsOpen}},
		{"at a backend service, where the policy wants IAP at the service", func(p *posture.Posture, want *policy.Wanted) {
			p.Backends[0].Settings.AllowOptions, want.Recipe = true, policy.RecipeDirect
		}, []Code{IAPSettingsOpen}},
	})
}
