package gcloud

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Before grants waited for a service to be quiet, five tours of seven ended with a
// warning: three would all miss that once in 40 runs, six once in 2,000. A tour takes
// three seconds of a processor.
var (
	tours         = flag.Int("tours", 3, "how many tours are typed")
	completeTours = flag.Int("complete-tours", 1, "how many of the tours are typed to their end")
)

// complaint is what gcloud prints when a step went wrong although it exits with 0,
// such as "Setting IAM policy failed" and "Completed with warnings".
var complaint = regexp.MustCompile(`(?i)warning|failed|error`)

// A newcomer types the tour beside the function, which writes to the same service.
// Only the first command reads an IAM policy and writes it back, so that a grant of
// ours in between makes it fail. All tours type that command.
func TestREADMEsTourEndsWithoutAWarning(t *testing.T) {
	lines := tour(t)
	for i := range *tours {
		typed, ends := lines[:1], []string{"waiting"}
		if i < *completeTours {
			typed, ends = lines, []string{"protected", "compliant"}
		}
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.tour(typed)
			l.until("shop is "+ends[0], func() bool { return slices.Contains(ends, l.last("shop")) })
		})
	}
}

// tour returns the commands that README.md gives for gcloud, without the first
// line, which sets the environment.
func tour(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Use gcloud on it\n")
	_, block, opened := strings.Cut(section, "\n```\n")
	block, _, closed := strings.Cut(block, "\n```\n")
	lines := strings.Split(block, "\n")
	if !found || !opened || !closed || len(lines) < 3 || !strings.HasPrefix(lines[0], "eval ") {
		t.Fatalf("README.md has no tour for gcloud: %q", block)
	}
	return lines[1:]
}

// tour types commands as a person does, without --quiet.
func (l *local) tour(lines []string) {
	l.t.Helper()
	for _, line := range lines {
		command := exec.CommandContext(l.t.Context(), "bash", "-c", line)
		command.Env = l.env
		if out, err := command.CombinedOutput(); err != nil || complaint.Match(out) {
			l.t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
}
