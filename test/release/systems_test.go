package release

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// systems are those that .goreleaser.yaml names.
func systems(t *testing.T) []string {
	t.Helper()
	return readRelease(t).Builds[0].Systems
}

// A package that a system lacks shows here at no cost; what does not compile, in the next test.
func TestEveryPackageIsThereOnEachSystem(t *testing.T) {
	for _, system := range systems(t) {
		where := in{root(t), []string{"GOOS=" + system, "GOARCH=arm64", "CGO_ENABLED=0"}}
		if packages := run(t, where, "go", "list", "-deps", program); strings.Count(packages, module) < 50 {
			t.Errorf("%s: only these: %s", system, packages)
		}
	}
}

func TestItBuildsOnEachSystem(t *testing.T) {
	forRelease(t)
	for _, system := range systems(t) {
		where := in{root(t), []string{"GOOS=" + system, "GOARCH=amd64", "CGO_ENABLED=0"}}
		run(t, where, "go", "build", "-trimpath", "-o", filepath.Join(t.TempDir(), "iapguard"), program)
	}
	if want := []string{"linux", "darwin", "windows"}; !slices.Equal(systems(t), want) {
		t.Errorf("it is built for %q, want %q", systems(t), want)
	}
}
