package deploy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// Google's own provider makes the subscription, plans no further change, takes other outcomes
// without making it anew, and destroys it.
func TestTheProviderAppliesTheChat(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	run := terraform(t, root)
	if err := os.CopyFS(filepath.Join(root, "deploy"), os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	o := cloudtest.Start(t, playground.Options{InstantOperations: true})
	for _, topic := range []string{"guard-reports", "guard-dead-letters"} {
		o.CallAs(o.Owner(), http.MethodPut, "/v1/projects/demo-project/topics/"+topic, map[string]any{})
	}
	text := caller(o.URL())
	text = text[:strings.Index(text, "\nmodule ")] + `
variable "outcomes" { type = set(string) }

module "chat" {
  source       = "./deploy/terraform/modules/chat"
  project_id   = "demo-project"
  name         = "guard-chat"
  pubsub_agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
  webhook      = "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=K&token=T"
  outcomes     = var.outcomes
  topics = {
    reports        = "projects/demo-project/topics/guard-reports"
    "dead-letters" = "projects/demo-project/topics/guard-dead-letters"
  }
}
`
	write(t, filepath.Join(root, "main.tf"), text)
	initialise(t, run)
	step := func(arguments ...string) string {
		t.Helper()
		out, err := run(arguments...)
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
		return out
	}
	for _, outcomes := range []string{`["blocked"]`, `["blocked","failed"]`} {
		out := step("apply", "-auto-approve", "-var=outcomes="+outcomes)
		if strings.Contains(out, "must be replaced") {
			t.Errorf("other outcomes make the subscription anew:\n%s", out)
		}
		step("plan", "-detailed-exitcode", "-var=outcomes="+outcomes)
		made := o.CallAs(o.Owner(), http.MethodGet, "/v1/projects/demo-project/subscriptions/guard-chat-reports-chat", nil)
		transform := nestedBlock(t, made, "messageTransforms")["javascriptUdf"].(map[string]any)
		push := made["pushConfig"].(map[string]any)
		if !strings.HasPrefix(transform["code"].(string), "const outcomes = "+outcomes+";\n") || push["noWrapper"] == nil {
			t.Errorf("with %s the subscription is %v", outcomes, made)
		}
	}
	step("destroy", "-auto-approve", `-var=outcomes=["blocked"]`)
}
