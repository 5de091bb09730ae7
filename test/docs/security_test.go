package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named finds the tests that a page names.
var named = regexp.MustCompile("`(Test[A-Za-z]+)`")

func TestThePromisesNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".github", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	exist := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			exist[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	promises := 0
	for line := range strings.Lines(string(text)) {
		tests := named.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| P") {
			if promises++; len(tests) == 0 {
				t.Errorf("no test keeps the promise of this line: %s", line)
			}
		}
		for _, match := range tests {
			if !exist[match[1]] {
				t.Errorf("%s is named, and does not exist", match[1])
			}
		}
	}
	if promises != 11 {
		t.Errorf("%d promises, want 11", promises)
	}
}
