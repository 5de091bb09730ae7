package gcloud

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/test/gcloud/parser"
)

func TestGcloudTakesEveryCommandOfThePages(t *testing.T) {
	t.Parallel()
	var lines []parser.Line
	var places []string
	add := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found, err := parser.Commands(string(text))
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, line := range found {
			lines, places = append(lines, line), append(places, path)
		}
	}
	root := filepath.Join("..", "..")
	add(filepath.Join(root, "README.md"))
	err := filepath.WalkDir(filepath.Join(root, "deploy"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			add(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) < 70 {
		t.Errorf("only %d commands found: this test looks in the wrong place", len(lines))
	}
	var commands [][]string
	for _, line := range lines {
		commands = append(commands, line.Arguments)
	}
	for i, refusal := range parser.Refusals(t, commands) {
		if refusal != "" {
			t.Errorf("%s: gcloud refuses %s\n%s", places[i], lines[i].Text, refusal)
		}
	}
}
