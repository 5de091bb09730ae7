package localcloud_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
)

func TestPartialListsLackAPlaceAndSaySo(t *testing.T) {
	const (
		project = "/v1/projects/demo-project"
		compute = "/compute/v1/projects/demo-project"
		neg     = `{"name":"NAME","networkEndpointType":"SERVERLESS","cloudRun":{"service":"hello"}}`
		service = `{"template":{"containers":[{"image":"i"}]}}`
		mapping = `{"apiVersion":"domains.cloudrun.com/v1","kind":"DomainMapping","metadata":{"name":"NAME.example.com",` +
			`"namespace":"demo-project"},"spec":{"routeName":"hello"}}`
	)
	b := newBench(t, localcloud.Options{}) // hello in us-central1, be at global
	b.done(b.must("POST", "/v2/projects/demo-project/locations/europe-west1/services?serviceId=hello", service))
	for _, place := range []string{"us-central1", "europe-west1"} {
		b.done(b.must("POST", compute+"/regions/"+place+"/networkEndpointGroups", strings.ReplaceAll(neg, "NAME", "neg-"+place)))
		b.must("POST", project+"/locations/"+place+"/domainmappings", strings.ReplaceAll(mapping, "NAME", place))
	}
	b.done(b.must("POST", compute+"/regions/europe-west1/backendServices", `{"name":"be-europe"}`))
	aggregated := compute + "/aggregated/networkEndpointGroups"
	for _, tc := range []struct {
		name, place, path string
		has, lacks        string // parts of the answer
		says              string // and where it says what it lacks
	}{
		{"services of every location", "europe-west1", project + "/locations/-/services",
			"us-central1", `"europe-west1.`, `"unreachable":["europe-west1"]`},
		{"domain mappings", "europe-west1", project + "/locations/-/domainmappings",
			"us-central1.example.com", "europe-west1.example.com", `"unreachable":["europe-west1"]`},
		{"revisions", "us-central1", "/_regional/us-central1/apis/serving.knative.dev/v1/namespaces/demo-project/revisions",
			"", `"items"`, `"unreachable":["us-central1"]`},
		{"services of that location", "europe-west1", "/v2/projects/demo-project/locations/europe-west1/services",
			"", "hello", `"unreachable":["europe-west1"]`},
		{"services of another location", "europe-west1", run, "hello", "unreachable", ""},
		{"aggregated NEGs", "europe-west1", aggregated, "neg-us-central1", "neg-europe-west1",
			`"code":"UNREACHABLE"`},
		{"aggregated NEGs name the scope", "europe-west1", aggregated, "", "", `"unreachables":["regions/europe-west1"]`},
		{"aggregated NEGs in another form", "europe-west1", aggregated + "?fields=items,unreachables", "neg-us-central1",
			"neg-europe-west1", `"unreachables":["regions/europe-west1"]`},
		{"what is global", "global", compute + "/aggregated/backendServices", "be-europe", `"name":"be"`,
			`"unreachables":["global"]`},
		{"a list of one scope", "europe-west1", compute + "/regions/europe-west1/networkEndpointGroups", "",
			"neg-europe-west1", `"code":"UNREACHABLE"`},
		{"a list of another scope", "europe-west1", compute + "/regions/us-central1/networkEndpointGroups",
			"neg-us-central1", "UNREACHABLE", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b.faults(`[{"action":"partial-lists","method":"*","place":"` + tc.place + `"}]`)
			partly := compact(t, b.must("GET", tc.path, ""))
			b.faults(`[]`)
			whole := compact(t, b.must("GET", tc.path, ""))
			if !strings.Contains(partly, tc.has) || !strings.Contains(partly, tc.says) ||
				tc.lacks != "" && strings.Contains(partly, tc.lacks) {
				t.Errorf("answers %s, want %s and %s without %s", partly, tc.has, tc.says, tc.lacks)
			}
			if strings.Contains(strings.ToLower(whole), "unreachable") {
				t.Errorf("without a fault: %s", whole)
			}
		})
	}
}

func TestPartialListsCountListsAlone(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	const fault = `[{"action":"partial-lists","method":"compute.*","place":"global","times":1}]`
	b.faults(fault)
	b.must("GET", backend+"/be", "")
	names := func() (names []string) {
		items, _ := b.must("GET", backend, "")["items"].([]any)
		for _, each := range items {
			names = append(names, each.(map[string]any)["name"].(string))
		}
		return slices.Sorted(slices.Values(names))
	}
	got := [][]string{names(), names()}
	if diff := cmp.Diff([][]string{nil, {"be"}}, got); diff != "" {
		t.Errorf("two lists (-want +got):\n%s", diff)
	}
	if b.fired() != "[{2 1}]" {
		t.Errorf("fired %s", b.fired())
	}
}

func compact(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
