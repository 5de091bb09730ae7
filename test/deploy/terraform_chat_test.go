package deploy

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Google's own provider makes the subscription, plans no further change, takes other outcomes
// without making it anew, and destroys it.
func TestTheProviderAppliesTheChat(t *testing.T) {
	t.Parallel()
	e := newStage(t, "chat")
	for _, topic := range []string{"guard-reports", "guard-dead-letters"} {
		e.CallAs(e.Owner(), http.MethodPut, "/v1/projects/demo-project/topics/"+topic, map[string]any{})
	}
	write(t, filepath.Join(e.dir, "main.tf"), `
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
`)
	e.begin()
	for _, outcomes := range []string{`["blocked"]`, `["blocked","failed"]`} {
		e.recorder.step("apply", "-auto-approve", "-var=outcomes="+outcomes)
		e.recorder.step("plan", "-detailed-exitcode", "-var=outcomes="+outcomes)
		made := e.CallAs(e.Owner(), http.MethodGet, "/v1/projects/demo-project/subscriptions/guard-chat-reports-chat", nil)
		transform := nestedBlock(t, made, "messageTransforms")["javascriptUdf"].(map[string]any)
		push := made["pushConfig"].(map[string]any)
		if !strings.HasPrefix(transform["code"].(string), "const outcomes = "+outcomes+";\n") || push["noWrapper"] == nil {
			t.Errorf("with %s the subscription is %v", outcomes, made)
		}
	}
	if did := e.recorder.did["google_pubsub_subscription"]; !did["update"] || did["delete"] {
		t.Errorf("other outcomes make the subscription anew: %v", did)
	}
	e.recorder.step("destroy", "-auto-approve", `-var=outcomes=["blocked"]`)
	e.leaves()
	e.recorder.finish(keepTypes)
}
