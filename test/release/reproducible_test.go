package release

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"
)

// image is how deploy/ko.yaml builds.
type image struct {
	Builds []struct {
		Main         string
		Env          []string
		Flags        []string
		LinkingFlags []string `yaml:"ldflags"`
	}
}

func readImage(t *testing.T) image {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "deploy", "ko.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var read image
	if err := yaml.Unmarshal(text, &read); err != nil || len(read.Builds) != 1 || len(read.Builds[0].LinkingFlags) == 0 {
		t.Fatalf("deploy/ko.yaml: %v, %+v", err, read)
	}
	return read
}

// buildDeployed builds what the image has, in a clone, and returns the program's digest.
func buildDeployed(t *testing.T, folder string, environment ...string) (digest, path string) {
	t.Helper()
	how := readImage(t).Builds[0]
	path = filepath.Join(t.TempDir(), "iapguard")
	args := append([]string{"build", "-o", path}, how.Flags...)
	linking := "-ldflags="
	for _, flag := range how.LinkingFlags {
		linking += flag + " "
	}
	run(t, in{folder, append(environment, "GOFLAGS=-buildvcs=true")}, "go", append(args, linking, how.Main)...)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), path
}

// The second build is in another folder, whose name is longer. Without TEST_RELEASE it takes
// compiled packages from the cache, whose keys hold all that a package is made of; with it,
// everything is compiled once more, with the environment of the image.
func TestTwoBuildsOfACommitAreTheSameBytes(t *testing.T) {
	var environment, again []string
	if os.Getenv("TEST_RELEASE") != "" {
		environment = readImage(t).Builds[0].Env
		again = []string{"GOCACHE=" + t.TempDir()}
	}
	first, program := buildDeployed(t, clone(t, "a"), environment...)
	second, _ := buildDeployed(t, clone(t, "another-folder"), slices.Concat(environment, again)...)
	t.Logf("SHA-256 %s of the deployed program", first)
	if first != second {
		t.Errorf("two builds of one commit: %s and %s", first, second)
	}
	if said := madeOf(t.Context(), t, program); said.Commit != commit(t) || said.Modified {
		t.Errorf("the deployed program says %+v, want commit %s", said, commit(t))
	}
	// With a change that is in no commit it is other bytes, or this test compares nothing.
	changed := clone(t, "a")
	if err := os.WriteFile(filepath.Join(changed, "changed.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if third, _ := buildDeployed(t, changed, environment...); third == first {
		t.Error("a source with changes gives the same bytes")
	}
}
