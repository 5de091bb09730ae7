package posturetest

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	Number = "123456789012"
	Agent  = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	Alice  = "user:alice@example.com"
)

var (
	Hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}
	Other = posture.Target{Project: "demo-project", Location: "us-central1", Service: "other"}
)

// Protected is a service as it should be: each test takes something away.
func Protected() posture.Posture {
	invokers := posture.Policy{Version: "v1",
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{Agent}}}}
	return posture.Posture{
		Target: Hello, ProjectNumber: Number,
		Service: posture.Service{Version: "s1", Ingress: posture.IngressInternalLoadBalancing,
			URLs: []string{"https://hello-abc-uc.a.run.app"}},
		Invokers: invokers,
		Backends: []posture.Backend{{
			Project: "demo-project", Location: posture.Global, Name: "hello-backend", Version: "f1",
			Scheme: "EXTERNAL_MANAGED", Protocol: "HTTPS", IAPOn: true,
			Members: []posture.Member{{Target: Hello, Invokers: invokers}},
			Frontends: []posture.Frontend{{Resource: "projects/demo-project/global/forwardingRules/hello-https",
				Address: "203.0.113.7", HTTPS: true}},
			Access: posture.Policy{Version: "a1",
				Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{Alice}}}},
		}},
	}
}

func Wanted() policy.Wanted {
	settings := policy.DefaultSettings()
	settings.Mode, settings.Access = policy.Enforce, []string{Alice}
	settings.Private = policy.PrivateInclude
	return policy.Wanted{Settings: settings,
		SettingsOf: func(posture.Target) (policy.Settings, bool) { return settings, true }}
}

func DirectIAP(p *posture.Posture, _ *policy.Wanted) {
	p.Service.IAPOn, p.Backends[0].IAPOn = true, false
}

func NoBackend(p *posture.Posture, _ *policy.Wanted) { p.Backends = nil }

var Until = posture.Condition{Title: "until spring", Expression: `request.time < timestamp("2027-03-21T00:00:00Z")`}
