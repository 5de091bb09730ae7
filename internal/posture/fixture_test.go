package posture

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	number = "123456789012"
	agent  = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	alice  = "user:alice@example.com"
)

var (
	hello = Target{"demo-project", "us-central1", "hello"}
	other = Target{"demo-project", "us-central1", "other"}
)

// protected is a service as it should be: each test takes something away.
func protected() Posture {
	invokers := Policy{Version: "v1", Bindings: []Binding{{Role: RoleInvoker, Members: []string{agent}}}}
	return Posture{
		Target: hello, ProjectNumber: number,
		Service:  Service{Version: "s1", Ingress: IngressInternalLoadBalancing, URLs: []string{"https://hello-abc-uc.a.run.app"}},
		Invokers: invokers,
		Backends: []Backend{{
			Project: "demo-project", Location: Global, Name: "hello-backend", Version: "f1",
			Scheme: "EXTERNAL_MANAGED", Protocol: "HTTPS", IAPOn: true,
			Members:   []Member{{Target: hello, Invokers: invokers}},
			Frontends: []Frontend{{Resource: "projects/demo-project/global/forwardingRules/hello-https", Address: "203.0.113.7", HTTPS: true}},
			Access:    Policy{Version: "a1", Bindings: []Binding{{Role: RoleAccessor, Members: []string{alice}}}},
		}},
	}
}

func wanted() Wanted {
	settings := DefaultSettings()
	settings.Mode, settings.Access = Enforce, []string{alice}
	return Wanted{Settings: settings, Of: func(Target) (Settings, bool) { return settings, true }}
}

// row is a posture made worse in one way, and the codes that one protection
// then finds.
type row struct {
	name   string
	change func(*Posture, *Wanted)
	want   []Code
}

// check runs one protection over its rows. Every table begins with the row in
// which everything is right already and nothing may be found.
func check(t *testing.T, protection func(Posture, Wanted) []Finding, rows []row) {
	t.Helper()
	rows = slices.Concat([]row{{"everything is right already", func(*Posture, *Wanted) {}, nil}}, rows)
	for _, tc := range rows {
		p, want := protected(), wanted()
		tc.change(&p, &want)
		var got []Code
		for _, finding := range protection(p, want) {
			got = append(got, finding.Code)
			if finding.Resource == "" || finding.Why == "" || finding.Severity == "" || finding.Effect == "" {
				t.Errorf("%s: finding %+v lacks resource, reason, severity or effect", tc.name, finding)
			}
			if finding.Effect != Gap && finding.Remedy == "" {
				t.Errorf("%s: %s stops the plan and names no remedy", tc.name, finding.Code)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func directIAP(p *Posture, _ *Wanted) { p.Service.IAPOn, p.Backends[0].IAPOn = true, false }

func noBackend(p *Posture, _ *Wanted) { p.Backends = nil }
