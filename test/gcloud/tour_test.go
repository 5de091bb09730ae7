package gcloud

import (
	"flag"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Before grants waited for a service to be quiet, five tours of seven ended with a
// warning: three would all miss that once in 40 runs, six once in 2,000. A tour takes
// a second of a processor.
var tours = flag.Int("tours", 3, "how many tours are typed")

// complaint is what gcloud prints when a step went wrong although it exits with 0,
// such as "Setting IAM policy failed" and "Completed with warnings".
var complaint = regexp.MustCompile(`(?i)warning|failed|error`)

// A newcomer deploys a service beside the function, which writes to the same service. Only
// this command reads an IAM policy and writes it back, so that a grant of ours in between
// makes it fail. TestTheTutorialDoesWhatItShows types the rest of the tutorial.
func TestTheTutorialsDeploymentEndsWithoutAWarning(t *testing.T) {
	var deploy []string
	for _, block := range tutorial(t) {
		for _, line := range block.lines {
			if strings.HasPrefix(line, "gcloud run deploy ") {
				deploy = append(deploy, line)
			}
		}
	}
	if len(deploy) == 0 {
		t.Fatal("the tutorial deploys nothing")
	}
	for i := range *tours {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.tour(deploy)
			l.until("shop is waiting", func() bool { return l.last("shop") == "waiting" })
		})
	}
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
