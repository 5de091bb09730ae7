package compute_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walk follows the pages of a list and returns what each holds.
func (c *cloud) walk(path string, of func(page map[string]any) []string) (pages [][]string) {
	c.t.Helper()
	token := ""
	for {
		page := c.must("GET", path+"&pageToken="+url.QueryEscape(token), "")
		pages = append(pages, of(page))
		if token, _ = page["nextPageToken"].(string); token == "" {
			return pages
		}
	}
}

// inScopes are the items of a page of an aggregated list, as scope/name.
func inScopes(page map[string]any) []string {
	var found []string
	scopes := page["items"].(map[string]any)
	for _, scope := range slices.Sorted(maps.Keys(scopes)) {
		entry := scopes[scope].(map[string]any)
		items, _ := entry["backendServices"].([]any)
		if warned := entry["warning"] != nil; warned == (len(items) > 0) {
			found = append(found, fmt.Sprintf("%s has %d items, and a warning: %v", scope, len(items), warned))
		}
		for _, item := range items {
			found = append(found, scope+"/"+item.(map[string]any)["name"].(string))
		}
	}
	return found
}

func TestPagesOfAnAggregatedListCoverEveryScope(t *testing.T) {
	c := newCloud(t)
	for _, path := range []string{"global", "regions/us-central1", "regions/europe-west1"} {
		for _, name := range []string{"a", "b"} {
			c.must("POST", path+"/backendServices", fmt.Sprintf(`{"name":%q}`, name))
		}
	}
	want := [][]string{
		{"global/a", "global/b", "regions/europe-west1/a", "regions/europe-west1/b"},
		{"regions/us-central1/a", "regions/us-central1/b"},
	}
	if diff := cmp.Diff(want, c.walk("aggregated/backendServices?maxResults=4", inScopes)); diff != "" {
		t.Errorf("by four (-want +got):\n%s", diff)
	}
	want = [][]string{{"global/b", "regions/europe-west1/b"}, {"regions/us-central1/b"}}
	if diff := cmp.Diff(want, c.walk("aggregated/backendServices?filter=name%3Db&maxResults=2", inScopes)); diff != "" {
		t.Errorf("filtered (-want +got):\n%s", diff)
	}
	if status, _, _ := c.refused("GET", "aggregated/backendServices?maxResults=501", ""); status != 400 {
		t.Errorf("maxResults=501: %d, want 400", status)
	}
}

func TestAPageHasFiveHundredItemsAtMost(t *testing.T) {
	c := newCloud(t)
	var want []string
	for i := range 1100 {
		want = append(want, fmt.Sprintf("be-%04d", i))
		c.must("POST", "global/backendServices", fmt.Sprintf(`{"name":"be-%04d"}`, i))
	}
	for path, of := range map[string]func(map[string]any) []string{
		"global/backendServices?": names,
		"aggregated/backendServices?returnPartialSuccess=true": func(page map[string]any) (found []string) {
			for _, item := range inScopes(page) {
				found = append(found, strings.TrimPrefix(item, "global/"))
			}
			return found
		},
	} {
		pages := c.walk(path, of)
		if len(pages) != 3 || len(pages[0]) != 500 || len(pages[1]) != 500 {
			t.Errorf("%s: %d pages, the first of %d", path, len(pages), len(pages[0]))
		}
		if diff := cmp.Diff(want, slices.Concat(pages...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if pages := c.walk("global/operations?", names); len(pages) != 3 {
		t.Errorf("the operations are on %d pages, want 3", len(pages))
	}
}

func TestAListShowsTheSameInWhateverFormItIsAsked(t *testing.T) {
	c := newCloud(t)
	c.chain()
	for description := range 2 { // what is kept of the first version is not shown of the second
		c.must("PATCH", "global/backendServices/be", fmt.Sprintf(`{"description":"<%d> & \"more\""}`, description))
		for _, collection := range []string{"backendServices", "urlMaps", "addresses", "forwardingRules", "subnetworks"} {
			for _, list := range []string{"aggregated/" + collection, "global/" + collection} {
				if collection == "subnetworks" {
					list = strings.Replace(list, "global", "regions/us-east1", 1)
				}
				whole := c.must("GET", list, "")
				if diff := cmp.Diff(whole, c.must("GET", list+"?fields=*", "")); diff != "" {
					t.Errorf("%s (-whole +as fields):\n%s", list, diff)
				}
				if diff := cmp.Diff(whole, c.must("GET", list+"?prettyPrint=false", "")); diff != "" {
					t.Errorf("%s (-pretty +compact):\n%s", list, diff)
				}
			}
		}
		want := c.must("GET", "global/backendServices/be", "")
		if diff := cmp.Diff([]any{want}, c.must("GET", "global/backendServices", "")["items"]); diff != "" {
			t.Errorf("(-get +list):\n%s", diff)
		}
	}
}

func TestAListCanBeginWithWhatWasCreatedLast(t *testing.T) {
	c := newCloud(t)
	for _, name := range []string{"b", "c", "a"} {
		c.must("POST", "global/backendServices", fmt.Sprintf(`{"name":%q}`, name))
	}
	for order, want := range map[string][][]string{
		"":                       {{"a", "b"}, {"c"}},
		"name":                   {{"a", "b"}, {"c"}},
		"creationTimestamp desc": {{"a", "c"}, {"b"}},
	} {
		got := c.walk("global/backendServices?maxResults=2&orderBy="+url.QueryEscape(order), names)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", order, diff)
		}
	}
	if status, _, _ := c.refused("GET", "global/backendServices?orderBy=size", ""); status != 400 {
		t.Errorf("orderBy=size: %d, want 400", status)
	}
}

func TestWorkEndsWhenTheClientHasGone(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{"global/backendServices", "aggregated/backendServices?filter=name%3Dx", "global/operations"} {
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/compute/v1/projects/demo-project/"+path, nil)
		recorder := httptest.NewRecorder()
		c.server.ServeHTTP(recorder, request)
		if recorder.Code != 499 {
			t.Errorf("%s: %d %s, want 499", path, recorder.Code, recorder.Body)
		}
	}
}

func TestEveryForwardingRuleHasItsOwnAddress(t *testing.T) {
	const rules = 600
	c := newCloud(t)
	c.chain()
	for _, version := range []string{"IPV4", "IPV6"} {
		taken := map[string]string{}
		for i := range rules {
			name := fmt.Sprintf("%s-%05d", strings.ToLower(version), i)
			recorder := httptest.NewRecorder()
			c.server.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost,
				"/compute/v1/projects/demo-project/global/forwardingRules", strings.NewReader(fmt.Sprintf(
					`{"name":%q,"ipVersion":%q,"portRange":"443","target":"global/targetHttpsProxies/thp"}`, name, version))))
			if recorder.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", name, recorder.Code, recorder.Body)
			}
		}
		for _, page := range c.walk("global/forwardingRules?filter=name:"+strings.ToLower(version), addresses) {
			for _, address := range page {
				if ip := strings.Contains(address, ":"); ip != (version == "IPV6") {
					t.Fatalf("%s has the address %s", version, address)
				}
				if other := taken[address]; other != "" {
					t.Fatalf("%s is given out twice", address)
				}
				taken[address] = version
			}
		}
		if len(taken) != rules {
			t.Errorf("%s: %d addresses, want %d", version, len(taken), rules)
		}
	}
}

func addresses(page map[string]any) (all []string) {
	items, _ := page["items"].([]any)
	for _, item := range items {
		all = append(all, item.(map[string]any)["IPAddress"].(string))
	}
	return all
}

func TestAnAddressThatSomebodyChoseIsNotHandedOut(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/addresses", `{"name":"chosen","address":"203.0.113.1"}`)
	c.must("POST", "global/addresses", `{"name":"handed-out"}`)
	if got := c.must("GET", "global/addresses/handed-out", "")["address"]; got != "203.0.113.2" {
		t.Errorf("address %v, want the one after the chosen one", got)
	}
}

func TestResourcesAreReadWhileTheyAreWritten(t *testing.T) {
	c := newCloud(t)
	c.chain()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 25 {
				if i == 0 {
					c.must("POST", "global/backendServices", fmt.Sprintf(`{"name":"other-%d"}`, n))
					c.must("PATCH", "global/backendServices/be", fmt.Sprintf(`{"description":"write %d"}`, n))
					continue
				}
				c.must("GET", "aggregated/backendServices?", "")
				c.must("GET", "/compute/beta/projects/demo-project/global/backendServices/be", "")
				c.must("GET", "global/operations", "")
			}
		})
	}
	all.Wait()
}
