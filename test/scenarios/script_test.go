package scenarios

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/iapguard/iapguard/internal/localcloud/belief"
)

// command is one line of a story with the indented lines below it.
type command struct {
	words []string
	block []string
	line  string // as it was written
}

// script is a story that was read.
type script struct {
	path     string
	archive  *txtar.Archive
	policy   []byte
	holds    []byte   // nil = no holds are kept
	key      []byte   // of the records' MACs; nil = they have none
	alone    bool     // the project is in no organization
	beside   []string // the ids of further projects
	beliefs  belief.Beliefs
	writers  string   // who writes below which folder; "" = the function's own account
	without  []string // permissions that the function does not have
	commands []command
}

func readScript(t *testing.T, path string) script {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.TrimSpace(archive.Comment)) < 40 {
		t.Errorf("%s has no story before its first part", path)
	}
	s := script{path: path, archive: archive}
	for _, file := range archive.Files {
		switch file.Name {
		case "policy.yaml":
			s.policy = file.Data
		case "cloud":
			s.readCloud(t, strings.TrimSpace(string(file.Data)))
		case "holds.yaml":
			s.holds = file.Data
		case "memory.key":
			s.key = file.Data
		case "writers":
			s.writers = strings.Join(strings.Fields(string(file.Data)), ",")
		case "without":
			s.without = strings.Fields(string(file.Data))
		case "story":
			s.commands = parse(string(file.Data))
		default:
			t.Errorf("%s: part %q is not known", path, file.Name)
		}
	}
	if len(s.commands) == 0 {
		t.Fatalf("%s has no part named story", path)
	}
	return s
}

// readCloud reads the part cloud.
func (s *script) readCloud(t *testing.T, line string) {
	t.Helper()
	names, believes := strings.CutPrefix(line, "belief ")
	switch {
	case strings.HasPrefix(line, "project beside "):
		s.beside = strings.Fields(strings.TrimPrefix(line, "project beside "))
	case line == "project without organization":
		s.alone = true
	case believes:
		var err error
		if s.beliefs, err = belief.Of(strings.Fields(names)...); err != nil {
			t.Errorf("%s: part cloud: %v", s.path, err)
		}
	default:
		t.Errorf("%s: part cloud says %q, and only knows project without organization, project beside ID..., "+
			"and belief NAME...", s.path, line)
	}
}

// parse reads the commands. A blank line or a comment is a command without words.
func parse(text string) []command {
	var commands []command
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if inner, indented := strings.CutPrefix(line, "  "); indented && len(commands) > 0 {
			last := &commands[len(commands)-1]
			last.block = append(last.block, inner)
			continue
		}
		words := strings.Fields(line)
		if strings.HasPrefix(line, "#") {
			words = nil
		}
		commands = append(commands, command{words: words, line: line})
	}
	return commands
}

// write puts the commands, as they are now, back into the file.
func (s script) write(t *testing.T) {
	t.Helper()
	var text strings.Builder
	for _, c := range s.commands {
		text.WriteString(c.line + "\n")
		for _, line := range c.block {
			text.WriteString("  " + line + "\n")
		}
	}
	for i := range s.archive.Files {
		if s.archive.Files[i].Name == "story" {
			s.archive.Files[i].Data = []byte(text.String())
		}
	}
	if err := os.WriteFile(s.path, txtar.Format(s.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
