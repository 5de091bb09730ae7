package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// raceListed returns the packages of .ci/race.
func raceListed(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", ".ci", "race"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^\./(\S+) +\S`)
	var packages []string
	for each := range strings.Lines(string(text)) {
		if match := line.FindStringSubmatch(each); match != nil {
			packages = append(packages, match[1])
		} else if !strings.HasPrefix(each, "#") && strings.TrimSpace(each) != "" {
			t.Errorf(".ci/race: %q is not a package with a reason", strings.TrimSpace(each))
		}
	}
	return packages
}

// A package that starts goroutines is tested with the race detector, unless it
// has no tests. Commands and test support do not count.
func TestConcurrentPackagesRunWithTheRaceDetector(t *testing.T) {
	listed := raceListed(t)
	tested, concurrent := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		switch {
		case s.test:
			tested[s.folder] = true
		case within(s.folder, "function") && !within(s.folder, "function/cmd"), within(s.folder, "internal"):
			concurrent[s.folder] = concurrent[s.folder] || startsGoroutine(s.file)
		}
	}
	for folder, starts := range concurrent {
		if starts && tested[folder] && !slices.Contains(listed, folder) {
			t.Errorf("%s starts goroutines, and .ci/race does not list it", folder)
		}
	}
	for _, folder := range listed {
		if !tested[folder] {
			t.Errorf(".ci/race lists %s, which has no tests", folder)
		}
	}
}

// startsGoroutine reports whether a file has a go statement, calls a group's Go,
// or has a timer call a function.
func startsGoroutine(file *ast.File) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "Go" || n.Sel.Name == "AfterFunc"
		}
		return !found
	})
	return found
}
