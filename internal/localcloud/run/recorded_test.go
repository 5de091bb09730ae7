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

// exchange is one recorded request with its answer.
type exchange struct {
	verb, path, sent string
	answer           map[string]any
}

func exchanges(t *testing.T, log string) []exchange {
	t.Helper()
	var all []exchange
	for part := range strings.SplitSeq(log, "\n---\n") {
		head, rest, _ := strings.Cut(strings.TrimSpace(part), "\n")
		verb, url, _ := strings.Cut(head, " ")
		sections := strings.SplitN(rest, "\n\n", 3)
		one := exchange{verb: verb, path: strings.TrimPrefix(url, "https://run.googleapis.com")}
		answer := sections[len(sections)-1]
		if len(sections) == 3 && strings.HasPrefix(sections[1], "{") {
			one.sent = sections[1]
			_, answer, _ = strings.Cut(sections[2], "\n\n")
		}
		if json.Unmarshal([]byte(answer), &one.answer) == nil {
			all = append(all, one)
		}
	}
	return all
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

func TestTheLifeOfAServiceHasTheFieldsThatWereRecorded(t *testing.T) {
	log := recorded(t, "wire-recorded/run/service-crud-vcr-2024-04-16-with-op-polls.http.log")
	c := start(t)
	c.run.Hold()
	path := location + "/services/runservice-1w5ax8rh1otic"
	operation, compared := "", 0
	for i, each := range exchanges(t, log) {
		var got map[string]any
		switch {
		case each.verb == "POST":
			got = c.must("POST", location+"/services?serviceId=runservice-1w5ax8rh1otic", each.sent)
		case strings.Contains(each.path, "/operations/"):
			if each.answer["done"] == true {
				c.run.Release()
				c.must("POST", operation+":wait", "")
			}
			got = c.must("GET", operation, "")
			c.run.Hold()
		case each.verb == "GET":
			got = c.must("GET", path, "")
		default:
			got = c.must(each.verb, path, each.sent)
		}
		if name, _ := got["name"].(string); strings.Contains(name, "/operations/") {
			operation = "/v2/" + name
		}
		// The API has answered urls only since later than 2024.
		if diff := cmp.Diff(sortedKeys(each.answer), sortedKeys(got, ".urls")); diff != "" {
			t.Errorf("exchange %d, %s %s (-recorded +got):\n%s", i, each.verb, each.path, diff)
		}
		compared++
	}
	c.run.Release()
	if compared < 14 {
		t.Errorf("compared %d exchanges, want at least 14", compared)
	}
}

func TestTheKnativeServiceHasTheFieldsThatWereRecorded(t *testing.T) {
	log := recorded(t, "wire-recorded/run/c7n-v1-services-list-2023.http.log")
	_, body, _ := strings.Cut(log, "\n\n200")
	var want map[string]any
	if err := json.Unmarshal([]byte(body[strings.Index(body, "{"):]), &want); err != nil {
		t.Fatal(err)
	}
	sent := at(want, "items", 0).(map[string]any)
	sent["metadata"].(map[string]any)["name"] = "hello"
	c := start(t)
	c.deploy("POST", knative+"/services", text(t, sent))
	got := c.must("GET", "/v1/projects/demo-project/locations/-/services", "")
	// Later than 2023: the list of URLs, and the label of the default probe.
	except := []string{"run.googleapis.com/urls", ".labels.run.googleapis.com/startupProbeType",
		".template.metadata.labels"}
	if diff := cmp.Diff(sortedKeys(want, except...), sortedKeys(got, except...)); diff != "" {
		t.Errorf("list (-recorded +got):\n%s", diff)
	}
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
