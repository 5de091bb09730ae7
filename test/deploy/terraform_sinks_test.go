package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sinkGrants is the part of intake_sinks.tf that says who may publish, with
// Terraform's built-in resource in the place of Google's: what Terraform does with
// addresses and keys does not depend on the provider.
func sinkGrants(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "intake_sinks.tf"))
	if err != nil {
		t.Fatal(err)
	}
	_, grants, found := strings.Cut(string(text), "locals {\n  sink_writers")
	if !found {
		t.Fatal("intake_sinks.tf does not declare sink_writers")
	}
	return strings.NewReplacer(
		"google_logging_project_sink.sink", "terraform_data.project_sink",
		"google_logging_folder_sink.sink", "{}",
		"google_logging_organization_sink.sink", "{}",
		"sink.writer_identity", "sink.output",
		"google_pubsub_topic_iam_member", "terraform_data",
		"  project = var.project_id\n", "", "  topic   = google_pubsub_topic.topic[\"events\"].name\n", "",
		"  role    = \"roles/pubsub.publisher\"\n", "", "  member  =", "  input =", "[member]", "[input]",
		"${local.topics[\"events\"]}", "the topic",
	).Replace("locals {\n  sink_writers" + grants)
}

// sinkStubs are the sinks of a project, which all have its writer identity.
const sinkStubs = `variable "sinks" { type = set(string) }

locals {
  scope      = "projects/my-project"
  sink_names = var.sinks
}

resource "terraform_data" "project_sink" {
  for_each = var.sinks
  input    = "serviceAccount:writer"
}
`

// grantPerSink is how the grants were declared before.
const grantPerSink = `resource "terraform_data" "sink_publishes" {
  for_each = var.sinks
  input    = terraform_data.project_sink[each.key].output
}
`

// Destroying the grant's resource, even to create it again, leaves the sinks
// without permission to publish until the next apply.
func TestNoChangeOfSinksDestroysTheirGrant(t *testing.T) {
	t.Parallel()
	const one, both, other, none = `["events"]`, `["events","requests"]`, `["requests"]`, `[]`
	create := []string{"sinks_publish create"}
	upgrade := []string{"sink_publishes remove", "sinks_publish create"}
	for name, test := range map[string]struct {
		before, sinks string // declared in the old way, and then
		want          []string
	}{
		"upgrade with one sink":  {one, one, upgrade},
		"upgrade with the other": {other, other, upgrade},
		"upgrade with both": {both, both, []string{"sink_publishes remove", "sink_publishes remove",
			"sinks_publish create"}},
		"upgrade, and one sink less": {both, one, []string{"sink_publishes remove", "sink_publishes remove",
			"sinks_publish create"}},
		"first sink": {none, one, create},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := terraform(t, dir)
			apply := func(text, sinks string) []string {
				write(t, filepath.Join(dir, "main.tf"), sinkStubs+text)
				out, err := run("apply", "-json", "-auto-approve", "-input=false", "-var=sinks="+sinks)
				if err != nil {
					t.Fatalf("terraform apply: %v\n%s", err, out)
				}
				return plannedGrants(out)
			}
			write(t, filepath.Join(dir, "main.tf"), sinkStubs+grantPerSink)
			initialise(t, run)
			apply(grantPerSink, test.before)
			module := sinkGrants(t)
			if diff := cmp.Diff(test.want, apply(module, test.sinks)); diff != "" {
				t.Errorf("planned for the grants (-want +got):\n%s", diff)
			}
			for _, sinks := range []string{both, other, both, one} {
				if changes := apply(module, sinks); len(changes) > 0 {
					t.Errorf("with the sinks %s: %v, want the grant left alone", sinks, changes)
				}
			}
			if diff := cmp.Diff([]string{"sinks_publish delete"}, apply(module, none)); diff != "" {
				t.Errorf("planned without sinks (-want +got):\n%s", diff)
			}
		})
	}
}

// plannedGrants are the changes to grants that Terraform's machine-readable output
// announces.
func plannedGrants(out string) []string {
	var planned []string
	for line := range strings.Lines(out) {
		var entry struct {
			Type   string
			Change struct {
				Resource struct {
					Name string `json:"resource_name"`
				}
				Action string
			}
		}
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Type != "planned_change" {
			continue
		}
		if name := entry.Change.Resource.Name; strings.Contains(name, "publish") {
			planned = append(planned, fmt.Sprint(name, " ", entry.Change.Action))
		}
	}
	slices.Sort(planned)
	return planned
}
