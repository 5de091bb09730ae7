package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var (
	// inlineCommand matches the command in code within a line, shownCommand in a
	// block of code.
	inlineCommand = regexp.MustCompile("`iapguard ([^`\n]+)`")
	shownCommand  = regexp.MustCompile(`(?m)(?:\$\(|^)(?:\./|go run \./function/cmd/)?iapguard ([^)\n]+)`)
	typedFlag     = regexp.MustCompile(`(?:^| )--([a-z-]+)`)
)

func TestPagesTypeExistingCommandsAndFlags(t *testing.T) {
	found := 0
	for page, text := range pages(t) {
		for _, typed := range typedOn(text) {
			words := strings.Fields(typed)
			if words[0] != strings.ToLower(words[0]) || strings.HasPrefix(words[0], "-") {
				continue // COMMAND, or a flag of every command
			}
			found++
			command, _, err := newRootCommand().Find(words)
			if err != nil || !command.HasParent() {
				t.Errorf("%s: iapguard has no command %s", page, typed)
				continue
			}
			command.InitDefaultHelpFlag()
			for _, name := range typedFlag.FindAllStringSubmatch(typed, -1) {
				if command.Flags().Lookup(name[1]) == nil {
					t.Errorf("%s: iapguard %s has no flag --%s", page, command.Name(), name[1])
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d commands are found", found)
	}
}

// typedOn returns the arguments of every use of iapguard on a page.
func typedOn(text string) []string {
	var typed []string
	for i, part := range strings.Split(text, "```") {
		command := inlineCommand
		if i%2 == 1 {
			command = shownCommand
		}
		for _, match := range command.FindAllStringSubmatch(part, -1) {
			typed = append(typed, match[1])
		}
	}
	return typed
}

func TestEveryCommandIsDocumented(t *testing.T) {
	text := pages(t)["deploy/docs/reference/commands.md"]
	var check func(command *cobra.Command)
	check = func(command *cobra.Command) {
		for _, each := range command.Commands() {
			check(each)
		}
		if path := command.CommandPath(); command.HasParent() && !command.HasSubCommands() &&
			!strings.Contains(text, "`"+path+" ") && !strings.Contains(text, "`"+path+"`") {
			t.Errorf("deploy/docs/reference/commands.md does not name %s", path)
		}
	}
	check(newRootCommand())
}

func TestEveryFlagIsDocumented(t *testing.T) {
	text := pages(t)["deploy/docs/reference/commands.md"]
	var check func(command *cobra.Command)
	check = func(command *cobra.Command) {
		for _, each := range command.Commands() {
			check(each)
		}
		command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden && !regexp.MustCompile("--"+flag.Name+"\\b").MatchString(text) {
				t.Errorf("deploy/docs/reference/commands.md does not name --%s of %s", flag.Name, command.CommandPath())
			}
		})
	}
	check(newRootCommand())
}

// pages returns every Markdown file of the repository, by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	const root = "../../.."
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
