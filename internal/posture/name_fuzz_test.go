package posture

import (
	"strings"
	"testing"
)

// FuzzParseScope holds that a name that is accepted is exactly what its parts
// spell, and that nothing in it can leave the path of a URL.
func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"projects/demo-project", "projects/example.com:my-project/locations/us-central1/services/a",
		"projects/../x", "projects/a%2Fb", "projects/1/locations/global"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		scope, err := ParseScope(name)
		switch {
		case err != nil && strings.Contains(err.Error(), "\n"):
			t.Fatalf("the error has more than one line: %q", err)
		case err == nil && scope.Name() != name:
			t.Fatalf("%q is read as %q", name, scope.Name())
		case err == nil && (strings.Contains(name, "..") || strings.ContainsAny(name, "%?#\\ \n\x00")):
			t.Fatalf("%q is accepted", name)
		}
	})
}

func TestComputeIDsAreNumbersAndNoNames(t *testing.T) {
	for s, want := range map[string]bool{"7312383563505470445": true, "18446744073709551615": true, "1": true, "": false,
		"0": false, "01": false, "123456789012345678901": false, "1a": false, "web": false, "1\n": false} {
		if got := ValidComputeID(s); got != want {
			t.Errorf("ValidComputeID(%q) = %t, want %t", s, got, want)
		}
	}
}
