package gcloud

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// A command is published and its report pulled with gcloud alone, while the function is
// attached to both topics. The report names the command's id.
func TestACommandIsAnsweredOnTheReportsTopic(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.haveService("shop", "us-central1")
	l.until("shop was reported", func() bool { return l.last("shop") != "" })
	l.run("gcloud", "--quiet", "pubsub", "topics", "publish", "iapguard-commands",
		`--message={"command":"plan","target":"projects/demo-project/locations/us-central1/services/shop","id":"by-gcloud"}`)
	var seen []string
	l.until("the plan was pulled from iapguard-reports", func() bool {
		pull := exec.CommandContext(t.Context(), "gcloud", "--quiet", "pubsub", "subscriptions", "pull", "iapguard-reports",
			"--auto-ack", "--limit=20", "--format=json")
		pull.Env = l.env
		out, err := pull.Output()
		var pulled []struct{ Message struct{ Data []byte } }
		if err == nil {
			err = json.Unmarshal(out, &pulled)
		}
		if err != nil {
			t.Fatalf("pulling: %v: %s", err, out)
		}
		for _, each := range pulled {
			seen = append(seen, string(each.Message.Data))
		}
		return strings.Contains(strings.Join(seen, "\n"), "by-gcloud")
	})
}
