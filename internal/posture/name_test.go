package posture

import (
	"strings"
	"testing"
)

func TestParseScopeReadsNames(t *testing.T) {
	for _, tc := range []struct {
		name string
		want Scope
	}{
		{"projects/my-project", Scope{Project: "my-project"}},
		{"projects/123456789012", Scope{Project: "123456789012"}},
		{"projects/example.com:my-project", Scope{Project: "example.com:my-project"}},
		{"projects/my-project/locations/europe-west12", Scope{Project: "my-project", Location: "europe-west12"}},
		{"projects/my-project/locations/global", Scope{Project: "my-project", Location: "global"}},
		{"projects/my-project/locations/us-central1/services/a", Scope{"my-project", "us-central1", "a", false}},
		{"projects/my-project/locations/us-central1/instances/a", Scope{"my-project", "us-central1", "a", true}},
	} {
		got, err := ParseScope(tc.name)
		if err != nil || got != tc.want {
			t.Errorf("ParseScope(%q) = %+v, %v; want %+v", tc.name, got, err, tc.want)
		}
		if got.Name() != tc.name {
			t.Errorf("Name() = %q, want %q", got.Name(), tc.name)
		}
	}
}

func TestParseScopeRefusesWhatIsNotAName(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"", "is not a resource name"},
		{"my-project", "is not a resource name"},
		{"projects/", "is not a valid project"},
		{"projects/my-project/", "is not a resource name"},
		{"projects/my-project/regions/us-central1", "is not a resource name"},
		{"projects/my-project/locations", "is not a resource name"},
		{"projects/my-project/locations/us-central1/instances", "is not a resource name"},
		{"projects/my-project/locations/us-central1/instances/A", "is not a valid instance name"},
		{"projects/my-project/locations/us-central1/services/a/revisions/b", "is not a resource name"},
		{"projects/..", "is not a valid project"},
		{"projects/../../etc/passwd/x/y", "is not a resource name"},
		{"projects/my-project/locations/us-central1%2F..", "is not a valid location"},
		{"projects/my-project/locations/us-central1/services/../x", "is not a resource name"},
		{"projects/my-project/locations/us-central1/services/a%2Fb", "is not a valid service"},
		{"projects/my-project/locations/us-central1/services/a b", "is not a valid service"},
		{"projects/my-project/locations/us-central1/services/UPPER", "is not a valid service"},
		{"projects/my-project/locations/us-central1/services/-a", "is not a valid service"},
		{"projects/my-project/locations/us-central1/services/a\n", "is not a valid service"},
		{"projects/my-project/locations/us-central1/services/" + strings.Repeat("a", 50), "is not a valid service"},
		{"projects/my-project/locations/us-central1/services/" + strings.Repeat("a", 300), "longer than"},
	} {
		_, err := ParseScope(tc.name)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("ParseScope(%q) error = %v, want one with %q", tc.name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseScope(%q): error has more than one line: %q", tc.name, err)
		}
	}
}

func TestParseTargetWantsAService(t *testing.T) {
	if _, err := ParseTarget("projects/my-project"); err == nil || !strings.Contains(err.Error(), "names no service") {
		t.Errorf("ParseTarget of a project: %v, want an error that no service is named", err)
	}
}
