package gcloud

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/port"
)

// typed is a block of commands of the tutorial, and the output that the page shows for the last
// of them.
type typed struct {
	lines []string
	shown []string
}

// typedBlock finds a block of commands, and the block of output that follows it, if one does.
var typedBlock = regexp.MustCompile("(?s)```sh\n(.*?)\n```\n(?:\n(?:[^`\n][^\n]*\n)*\n?)?(?:```text\n(.*?)\n```\n)?")

// tutorial returns what the tutorial has its readers type in the second terminal.
func tutorial(t *testing.T) []typed {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "docs", "tutorial", "local-cloud.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []typed
	for _, match := range typedBlock.FindAllStringSubmatch(string(text), -1) {
		block := typed{lines: strings.Split(match[1], "\n")}
		if match[2] != "" {
			block.shown = strings.Split(match[2], "\n")
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// A newcomer types the tutorial beside the function. Where the page shows output, the last
// command is typed again until it prints that, as the page asks for patience.
func TestTheTutorialDoesWhatItShows(t *testing.T) {
	t.Parallel()
	doors := port.Free(t)
	l := start(t, "--data-addr", doors)
	shown := 0
	here := strings.NewReplacer("http://127.0.0.1:9091", "http://"+doors, "./iapguard local env", "true",
		"./iapguard", binary.Command(t))
	for _, block := range tutorial(t) {
		for i, line := range block.lines {
			out := l.typeLine(here.Replace(line))
			if i < len(block.lines)-1 || block.shown == nil {
				continue
			}
			shown++
			l.until(line+" shows "+strings.Join(block.shown, " / "), func() bool {
				if missing(out, block.shown) == "" {
					return true
				}
				out = l.typeLine(here.Replace(line))
				return false
			})
		}
	}
	if shown < 8 {
		t.Errorf("only %d blocks of output were compared", shown)
	}
}

// typeLine runs a line as a person types it.
func (l *local) typeLine(line string) string {
	l.t.Helper()
	command := exec.CommandContext(l.t.Context(), "bash", "-c", line)
	command.Env = l.env
	out, err := command.CombinedOutput()
	if err != nil || strings.HasPrefix(line, "gcloud") && complaint.Match(out) {
		l.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// missing returns the first of the lines that the output lacks: one ellipsis stands for
// anything, and a space for any number of them.
func missing(out string, lines []string) string {
	for _, line := range lines {
		words := strings.Fields(line)
		for i, word := range words {
			words[i] = strings.ReplaceAll(regexp.QuoteMeta(word), "…", ".*")
		}
		if !regexp.MustCompile(`(?m)^[ !]*(?:\S+Z +)?` + strings.Join(words, " +")).MatchString(out) {
			return line
		}
	}
	return ""
}
