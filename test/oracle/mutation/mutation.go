// Package mutation runs a test of the package that it is called from against the product
// with one mistake in it, and wants the test to fail.
package mutation

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Mutant is the product with one mistake: a text of a file that occurs there once, and
// what stands in its place.
type Mutant struct {
	Name, File, From, To string
}

// Unmutated runs a test of the package in the working directory as it is, and wants it to
// pass: where everything fails, every mutation looks caught.
func Unmutated(t *testing.T, flags ...string) {
	t.Helper()
	arguments := append([]string{"test", "-vet=off", ".", "-seed", "1", "-stories", "1"}, flags...)
	if output, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("it fails without any mutation: %v\n%.2000s", err, output)
	}
}

// IsCaught runs a test of the package in the working directory, which is two folders
// below the module's root, compiled with the mutation. It wants the test to fail, and
// its output to name what catches the mutation.
func (m Mutant) IsCaught(t *testing.T, caughtBy *regexp.Regexp, flags ...string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, filepath.FromSlash(m.File))
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), m.From) != 1 {
		t.Fatalf("%q is not once in %s: %v", m.From, m.File, err)
	}
	mutated, overlay := filepath.Join(t.TempDir(), "mutated.go"), filepath.Join(t.TempDir(), "overlay.json")
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{file: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		mutated: strings.Replace(string(text), m.From, m.To, 1), overlay: string(replaced),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	arguments := append([]string{"test", "-vet=off", "-overlay", overlay, ".", "-seed", "1", "-stories", "1"}, flags...)
	output, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput()
	caught := caughtBy.FindString(string(output))
	if err == nil || caught == "" {
		t.Fatalf("nothing catches it: %v\n%.2000s", err, output)
	}
	t.Logf("caught by %s", caught)
}
