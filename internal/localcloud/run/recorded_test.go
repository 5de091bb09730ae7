package run_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorded reads a file of the folder of recordings beside the checkout, or
// skips the test.
func recorded(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", path))
	if err != nil {
		t.Skipf("there are no recordings beside this checkout: %v", err)
	}
	return string(raw)
}

// keys are the paths of every field of an answer; elements of lists share one.
func keys(value any, path string, found map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		for key, each := range value {
			found[path+"."+key] = true
			keys(each, path+"."+key, found)
		}
	case []any:
		for _, each := range value {
			keys(each, path+"[]", found)
		}
	}
}

func sortedKeys(value any, except ...string) []string {
	found := map[string]bool{}
	keys(value, "", found)
	var all []string
	for key := range found {
		if !slices.ContainsFunc(except, func(suffix string) bool { return strings.HasSuffix(key, suffix) }) {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

func TestLogEntriesHaveTheFieldsThatWereRecorded(t *testing.T) {
	var want map[string]any
	raw := recorded(t, "auditlogs/fieldlog-c__run.v1.Services.CreateService__1.json")
	if err := json.Unmarshal([]byte(raw), &want); err != nil {
		t.Fatal(err)
	}
	sent := at(want, "protoPayload", "request", "service").(map[string]any)
	at(sent, "spec", "template", "spec").(map[string]any)["containers"] = []any{map[string]any{"image": "i"}}
	c := start(t)
	c.deploy("POST", knative+"/services", text(t, sent))
	record := c.audit()[0]
	delete(at(sent, "spec", "template", "spec").(map[string]any), "containers")
	recordedRequest := at(want, "protoPayload", "request").(map[string]any)
	delete(recordedRequest, "region") // the console's way to name the parent
	if diff := cmp.Diff(sortedKeys(recordedRequest), sortedKeys(record.Request)); diff != "" {
		t.Errorf("request (-recorded +got):\n%s", diff)
	}
	// The recorded service lost its launch stage ALPHA in the answer; ours shows
	// it, with the label of the default probe.
	except := []string{"launch-stage", "startupProbeType", ".template.metadata.labels"}
	if diff := cmp.Diff(sortedKeys(at(want, "protoPayload", "response"), except...),
		sortedKeys(record.Response, except...)); diff != "" {
		t.Errorf("response (-recorded +got):\n%s", diff)
	}
	labels := map[string]any{}
	for key, value := range record.Labels {
		labels[key] = value
	}
	recordedLabels := at(want, "resource", "labels").(map[string]any)
	recordedLabels["project_id"] = "demo-project"
	if diff := cmp.Diff(recordedLabels, labels); diff != "" {
		t.Errorf("labels (-recorded +got):\n%s", diff)
	}
}
