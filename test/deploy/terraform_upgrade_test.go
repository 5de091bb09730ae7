package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// formerGrants are the grants that were resources of their own until each resource had one
// policy. Destroying one after its policy is set would take away what the policy grants.
var formerGrants = []string{
	"google_cloud_run_v2_service_iam_binding.invokers",
	"google_pubsub_subscription_iam_member.agent_acknowledges",
	"google_pubsub_subscription_iam_member.agent_acknowledges_eventarc",
	"google_pubsub_subscription_iam_member.agent_acknowledges_reports",
	"google_pubsub_topic_iam_member.agent_dead_letters",
	"google_pubsub_topic_iam_member.function_publishes",
	"google_pubsub_topic_iam_member.monitoring_publishes",
	"google_pubsub_topic_iam_member.sink_publishes",
	"google_pubsub_topic_iam_member.sinks_publish",
	"google_secret_manager_secret_iam_member.function_reads",
	"google_secret_manager_secret_iam_member.holders",
	"google_secret_manager_secret_iam_member.memory_key",
	"google_service_account_iam_member.function_as_writer",
	"google_service_account_iam_member.pubsub_signs",
}

// standIn is Terraform's built-in resource in the place of one of Google's: what Terraform
// does with addresses and keys does not depend on the provider.
func standIn(address string) string {
	return "terraform_data." + strings.ReplaceAll(address, ".", "_")
}

// The first apply of the module with policies forgets the grants, and keeps the subscription
// of the dead letters with what is in it.
func TestAnUpgradeDestroysNoGrantAndNoDeadLetter(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(module, "upgrade.tf"))
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`google_[a-z0-9_]+\.[a-z_]+`)
	upgrade := address.ReplaceAllStringFunc(string(text), standIn)
	const letters = "google_pubsub_subscription.dead_letters"
	dir := t.TempDir()
	run := terraform(t, dir)
	var before strings.Builder
	for _, grant := range append(slices.Clone(formerGrants), letters) {
		fmt.Fprintf(&before, "resource \"terraform_data\" %q {\n  input = \"x\"\n}\n",
			strings.TrimPrefix(standIn(grant), "terraform_data."))
	}
	write(t, filepath.Join(dir, "main.tf"), before.String())
	initialise(t, run)
	if out, err := run("apply", "-auto-approve", "-input=false"); err != nil {
		t.Fatalf("terraform apply: %v\n%s", err, out)
	}
	write(t, filepath.Join(dir, "main.tf"), upgrade+fmt.Sprintf(
		"\nresource \"terraform_data\" %q {\n  for_each = toset([\"dead-letters\"])\n  input    = \"x\"\n}\n",
		strings.TrimPrefix(standIn(letters), "terraform_data.")))
	out, err := run("plan", "-json", "-input=false")
	if err != nil {
		t.Fatalf("terraform plan: %v\n%s", err, out)
	}
	var want, got []string
	for _, grant := range formerGrants {
		want = append(want, "remove "+standIn(grant))
	}
	for line := range strings.Lines(out) {
		var entry struct {
			Type   string
			Change struct {
				Resource struct{ Addr string }
				Action   string
			}
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Type == "planned_change" &&
			entry.Change.Action != "move" {
			got = append(got, entry.Change.Action+" "+entry.Change.Resource.Addr)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("planned for the upgrade (-want +got):\n%s", diff)
	}
}
