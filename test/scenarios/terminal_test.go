package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
)

// types lets the project's owner type an iapguard command, whose calls are
// watched as the function's are, in a folder with the story's policy and holds.
// The name of a service stands for its full name.
func (p *play) types(args []string) ([]string, error) {
	for i, arg := range args {
		if slices.ContainsFunc(p.doors, func(d door) bool { return d.name == arg+".run.app" }) {
			args[i] = usCentralServices + arg
		}
	}
	command := exec.CommandContext(p.ctx, binary.Command(p.t), args...)
	command.Dir = p.folder
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "IAPGUARD_ENDPOINT=" + p.watched,
		"IAPGUARD_POLICY=" + p.path("policy.yaml"), "IAPGUARD_HOLDS=" + p.path("holds.yaml")}
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	lines := append(typed(out.String()), typed(said.String())...)
	var status *exec.ExitError
	if errors.As(err, &status) {
		return append(lines, fmt.Sprintf("exit status %d", status.ExitCode())), nil
	}
	return lines, err
}

const usCentralServices = "projects/" + playground.Project + "/locations/us-central1/services/"

// path is where a file of the story is, "" when there is none.
func (p *play) path(name string) string {
	path := filepath.Join(p.folder, name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// hashes are other ones for every story and every version.
var hashes = regexp.MustCompile(`\b(plan|policy|plan is now|plan of now is|run) [0-9a-f]{8,}\b`)

// ends are the times at which holds end, and before which steps are not taken.
var ends = regexp.MustCompile(`\b(until|ends at|names|not before) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// took is how long a step took.
var took = regexp.MustCompile(`\(\d+\.\ds\)`)

// typed is what a command printed, without blank lines.
func typed(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			line = took.ReplaceAllString(line, "(…)")
			lines = append(lines, people(ends.ReplaceAllString(hashes.ReplaceAllString(line, "$1 …"), "$1 …")))
		}
	}
	return lines
}
