package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheMapOfTheHouseNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".github", "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| package of `internal/` |")
	table, _, _ = strings.Cut(table, "\n\n")
	var named, there []string
	for row := range strings.Lines(table) {
		packages, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		for _, match := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(packages, -1) {
			if strings.HasPrefix(row, "| `") {
				named = append(named, match[1])
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			there = append(there, entry.Name())
		}
	}
	slices.Sort(named)
	if diff := cmp.Diff(there, named); diff != "" {
		t.Errorf("packages of internal (-there +CONTRIBUTING.md):\n%s", diff)
	}
}

// The files that the page names are relative to the repository, or to internal/.
func TestTheFilesOfTheHouseExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".github", "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile("`([a-z_/]+/[a-z_]+\\.go)`").FindAllStringSubmatch(string(text), -1)
	if len(files) < 10 {
		t.Errorf("only %d files are named", len(files))
	}
	for _, match := range files {
		_, there := os.Stat(filepath.Join(root, match[1]))
		if _, inside := os.Stat(filepath.Join(root, "internal", match[1])); there != nil && inside != nil {
			t.Errorf("CONTRIBUTING.md names %s, which does not exist", match[1])
		}
	}
}
