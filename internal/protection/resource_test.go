package protection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestABackendServiceIsNamedAfterWhereItIs(t *testing.T) {
	type names struct{ Resource, Access string }
	for location, want := range map[string]names{
		posture.Global: {
			"projects/demo-project/global/backendServices/b", "projects/" + posturetest.Number + "/iap_web/compute/services/b",
		},
		"europe-west1": {
			"projects/demo-project/regions/europe-west1/backendServices/b",
			"projects/" + posturetest.Number + "/iap_web/compute-europe-west1/services/b",
		},
	} {
		b := posture.Backend{Project: "demo-project", Location: location, Name: "b"}
		if diff := cmp.Diff(want, names{b.Resource(), b.AccessResource(posturetest.Number)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", location, diff)
		}
	}
}

func TestComputeNamesMatchTheirGrammar(t *testing.T) {
	for name, want := range map[string]bool{"b": true, "hello-backend": true, "": false, "Hello": false, "b_c": false,
		"-b": false, "b-": false, "b/c": false} {
		if got := posture.ValidCompute(name); got != want {
			t.Errorf("ValidCompute(%q) = %t, want %t", name, got, want)
		}
	}
}
