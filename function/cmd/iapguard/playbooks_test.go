package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A person on call types what the page says.
func TestPlaybooksTypeCommandsAndFlagsThatThereAre(t *testing.T) {
	pages, err := filepath.Glob("../../../deploy/playbooks/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no playbooks are found: %v", err)
	}
	typed, flag, found := regexp.MustCompile("`iapguard ([^`]+)`"), regexp.MustCompile(`(?:^| )--([a-z-]+)`), 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range typed.FindAllStringSubmatch(string(text), -1) {
			found++
			command, _, err := newRootCommand().Find(strings.Fields(match[1]))
			if err != nil || !command.HasParent() {
				t.Errorf("%s: there is no command iapguard %s", page, match[1])
				continue
			}
			for _, name := range flag.FindAllStringSubmatch(match[1], -1) {
				if command.Flags().Lookup(name[1]) == nil {
					t.Errorf("%s: iapguard %s has no flag --%s", page, command.Name(), name[1])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d commands are found", found)
	}
}
