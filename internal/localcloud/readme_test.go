package localcloud

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of README.md")

// The table of README.md has what the routes serve.
func TestREADMEHasWhatIsServed(t *testing.T) {
	c := New(Options{})
	t.Cleanup(c.Close)
	byAPI := map[string]map[string][]string{}
	for _, route := range c.server.Routes() {
		id := strings.TrimPrefix(route.ID, route.API+".")
		at := strings.LastIndexByte(id, '.')
		resource, method := id[:max(at, 0)], id[at+1:]
		if byAPI[route.API] == nil {
			byAPI[route.API] = map[string][]string{}
		}
		if !slices.Contains(byAPI[route.API][resource], method) {
			byAPI[route.API][resource] = append(byAPI[route.API][resource], method)
		}
	}
	var table strings.Builder
	for _, api := range sortedKeys(byAPI) {
		var resources []string
		for _, resource := range sortedKeys(byAPI[api]) {
			slices.Sort(byAPI[api][resource])
			resources = append(resources, fmt.Sprintf("%s: %s", cmp.Or(resource, "any"), strings.Join(byAPI[api][resource], ", ")))
		}
		fmt.Fprintf(&table, "| %s | %s |\n", api, strings.Join(resources, "<br>"))
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "| API | resources: methods |\n|---|---|\n"
	before, _, found := strings.Cut(string(text), head)
	if !found {
		t.Fatal("README.md has no table of what is served")
	}
	want := before + head + table.String()
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("README.md says something else than what is served: run go test ./internal/localcloud -run README -update")
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
