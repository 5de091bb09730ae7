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

	"github.com/iapguard/iapguard/test/deploy/blueprint"
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
	upgrade := anyResource.ReplaceAllStringFunc(string(text), standIn)
	const letters = "google_pubsub_subscription.dead_letters"
	dir := t.TempDir()
	run := terraform(t, dir)
	write(t, filepath.Join(dir, "main.tf"), standIns(append(slices.Clone(formerGrants), letters)))
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
	want := []string{}
	for _, grant := range formerGrants {
		want = append(want, "remove "+standIn(grant))
	}
	slices.Sort(want)
	got := plannedChanges(out)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("planned for the upgrade (-want +got):\n%s", diff)
	}
}

// plannedChanges returns what a plan does beside moving, as "action address".
func plannedChanges(out string) []string {
	planned := []string{}
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
			planned = append(planned, entry.Change.Action+" "+entry.Change.Resource.Addr)
		}
	}
	slices.Sort(planned)
	return planned
}

// oneModule has the resources of the last version in which everything was one module.
const oneModule = "testdata/terraform/one_module.txt"

// A deployment from before the modules keeps every resource. What the modules have beside
// those may be made.
func TestAnUpgradeToModulesMakesNothingAnew(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(oneModule)
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Fields(string(list))
	dir := t.TempDir()
	run := terraform(t, dir)
	write(t, filepath.Join(dir, "main.tf"), standIns(before))
	initialise(t, run)
	if out, err := run("apply", "-auto-approve", "-input=false"); err != nil {
		t.Fatalf("terraform apply: %v\n%s", err, out)
	}
	var root strings.Builder
	var want []string
	for _, folder := range glob(t, filepath.Join(module, "modules", "*")) {
		name := filepath.Base(folder)
		made, moves := resourcesIn(t, folder), movesIn(t, folder)
		keyed, text := map[string][]string{}, ""
		for _, move := range moves {
			to, key, _ := strings.Cut(strings.TrimSuffix(move.to, `"]`), `["`)
			keyed[to] = append(keyed[to], key)
			if !slices.Contains(before, move.from) {
				want = append(want, fmt.Sprintf("create module.%s.%s[%q]", name, standIn(to), key))
			}
			text += fmt.Sprintf("moved {\n  from = %s\n  to   = %s\n}\n", standInOf(move.from), standInOf(move.to))
		}
		for _, one := range made {
			text += keyedStandIn(one, keyed[one])
			if keyed[one] == nil && !slices.Contains(before, one) {
				want = append(want, "create module."+name+"."+standIn(one))
			}
		}
		write(t, filepath.Join(dir, name, "main.tf"), text)
		fmt.Fprintf(&root, "module %q {\n  source = \"./%s\"\n}\n", name, name)
	}
	moved, err := os.ReadFile(filepath.Join(module, "moved.tf"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.tf"), root.String()+standInOf(string(moved)))
	initialise(t, run)
	out, err := run("plan", "-json", "-input=false")
	if err != nil {
		t.Fatalf("terraform plan: %v\n%s", err, out)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, plannedChanges(out)); diff != "" {
		t.Errorf("planned for the upgrade (-new resources +got):\n%s", diff)
	}
}

// anyResource matches the address of a resource without its module.
var anyResource = regexp.MustCompile(`(google|terraform|time)_[a-z0-9_]+\.[a-z_]+`)

// standInOf is a text with the addresses of stand-ins.
func standInOf(text string) string { return anyResource.ReplaceAllStringFunc(text, standIn) }

func standIns(addresses []string) string {
	var text strings.Builder
	for _, address := range addresses {
		text.WriteString(keyedStandIn(address, nil))
	}
	return text.String()
}

// keyedStandIn is one with an instance for each key, or one without keys.
func keyedStandIn(address string, keys []string) string {
	each := ""
	if keys != nil {
		each = fmt.Sprintf("  for_each = toset([\"%s\"])\n", strings.Join(keys, `", "`))
	}
	return fmt.Sprintf("resource \"terraform_data\" %q {\n%s  input = \"x\"\n}\n",
		strings.TrimPrefix(standIn(address), "terraform_data."), each)
}

// move is a moved block.
type move struct{ from, to string }

// movesIn returns the moved blocks of a module.
func movesIn(t *testing.T, folder string) (moves []move) {
	t.Helper()
	for _, file := range glob(t, filepath.Join(folder, "*.tf")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range parseHCL(t, text, file).Blocks {
			if block.Type == "moved" {
				said := assignments(text, block.Body)
				moves = append(moves, move{said["from"], said["to"]})
			}
		}
	}
	return moves
}

// resourcesIn returns the addresses of the resources of a module.
func resourcesIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := blueprint.Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, body := range files {
		for _, block := range body.Blocks {
			if block.Type == "resource" {
				made = append(made, strings.Join(block.Labels, "."))
			}
		}
	}
	return made
}
