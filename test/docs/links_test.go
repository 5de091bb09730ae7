package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link finds the target of an inline link or picture, without its title.
var link = regexp.MustCompile(`\]\(([^()\s]+)(?:\s+"[^"]*")?\)`)

// code finds code within a line, in which nothing is a link.
var code = regexp.MustCompile("`[^`]*`")

func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]map[string]bool{}
	for _, each := range all {
		anchors[each.path] = each.anchors()
	}
	links := 0
	for _, each := range all {
		for _, line := range each.prose() {
			for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(line, "code"), -1) {
				target, anchor, _ := strings.Cut(match[1], "#")
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				links++
				to := each.path
				if target != "" {
					to = path.Join(path.Dir(each.path), target)
				}
				if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
					t.Errorf("%s links to %s, which does not exist", each.path, match[1])
				} else if anchor != "" && !anchors[to][anchor] {
					t.Errorf("%s links to %s, and %s has no heading of that name", each.path, match[1], to)
				}
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found on %d pages", links, len(all))
	}
}

func TestEveryDocumentationPageIsInTheIndex(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	const folder = "deploy/docs/"
	index, err := os.ReadFile(filepath.Join(root, folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range all {
		name, inside := strings.CutPrefix(each.path, folder)
		if inside && name != "README.md" && !strings.Contains(string(index), "("+name+")") {
			t.Errorf("%sREADME.md does not link to %s", folder, name)
		}
	}
}

func TestTheFrontPageIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 8_000 {
		t.Errorf("README.md has %d bytes, want at most 8,000: move it to deploy/docs", len(text))
	}
}

// The command that README gives for the tests is the one that CI runs.
func TestCIRunsTheTestCommandOfTheFrontPage(t *testing.T) {
	const command = "go test ./..."
	for file, line := range map[string]string{"README.md": "\n" + command + "\n", ".ci/run": "go test -v ./..."} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s does not contain %q", file, line)
		}
	}
}
