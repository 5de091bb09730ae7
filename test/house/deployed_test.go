package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// image is deploy/ko.yaml, as far as it decides what is linked in.
type image struct {
	Builds []struct {
		Main  string   `yaml:"main"`
		Flags []string `yaml:"flags"`
	} `yaml:"builds"`
}

// local are packages that only the local cloud needs.
func local(path string) bool {
	return within(path, module+"internal/localcloud") || within(path, module+"internal/playground") ||
		strings.HasSuffix(path, "/pstest") || path == "testing"
}

func TestTheImageHasNoLocalCloudInIt(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "ko.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var built image
	if err := yaml.Unmarshal(text, &built); err != nil {
		t.Fatalf("reading deploy/ko.yaml: %v", err)
	}
	if len(built.Builds) != 1 {
		t.Fatalf("deploy/ko.yaml builds %d programs, want one", len(built.Builds))
	}
	deployed := linked(t, built.Builds[0].Main, built.Builds[0].Flags...)
	if found := slices.DeleteFunc(slices.Clone(deployed), func(path string) bool { return !local(path) }); len(found) > 0 {
		t.Errorf("the deployed program is linked with %s", strings.Join(found, ", "))
	}
	if len(deployed) < 100 {
		t.Errorf("only %d packages are linked in: this test looks at the wrong program", len(deployed))
	}
	// Without the flags they are all there, or this test could not fail.
	if everything := linked(t, built.Builds[0].Main); !slices.ContainsFunc(everything, local) {
		t.Error("the program for a desk has no local cloud either: this test looks for the wrong packages")
	}
}

// linked are the packages that a program is made of.
func linked(t *testing.T, program string, flags ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append(append([]string{"list", "-deps"}, flags...), program)...)
	command.Dir = filepath.Join("..", "..")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("listing what %s is made of: %v", program, err)
	}
	return strings.Fields(string(out))
}
