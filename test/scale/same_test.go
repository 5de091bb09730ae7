package scale

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// few and many are how many services the local cloud has in the small run: with
// many of them, lists have more than one page.
const few, many = 10, 550

// varies is what differs between two clouds, whatever they hold.
var varies = regexp.MustCompile(`"(id|creationTimestamp|fingerprint)": ?"[^"]*"`)

func TestWorkAndAnswersAreTheSameWithMoreServices(t *testing.T) {
	type outcome struct {
		Answer string
		Looked int64
	}
	answers := func(n int) map[string]outcome {
		p := newCloud(t, localcloud.Options{Discovery: discovery.Judge(t)})
		p.services(0, n)
		p.frontends(0, n)
		all := map[string]outcome{}
		for what, work := range map[string]func() []byte{
			"a backend service": func() []byte { return p.get(computePath + "global/backendServices/" + name(3)) },
			"by its number": func() []byte {
				var read struct{ ID string }
				if err := json.Unmarshal(p.get(computePath+"global/backendServices/"+name(3)), &read); err != nil {
					t.Fatal(err)
				}
				return p.get(computePath + "global/backendServices/" + read.ID)
			},
			"a page of ten": func() []byte {
				return p.get(computePath + "aggregated/backendServices?prettyPrint=false&fields=items&maxResults=9")
			},
			"a refused deletion": func() []byte {
				return p.refused("DELETE", computePath+"global/backendServices/"+name(3))
			},
			"a request by host": func() []byte { p.ask(host(3)); return nil },
		} {
			before := p.cloud.Looked()
			answer := varies.ReplaceAllString(string(work()), "")
			all[what] = outcome{answer, p.cloud.Looked() - before}
		}
		return all
	}
	small, large := answers(few), answers(many)
	if diff := cmp.Diff(small, large); diff != "" {
		t.Errorf("with %d and with %d services (-%d +%d):\n%s", few, many, few, many, diff)
	}
	for what, each := range small {
		if each.Looked == 0 {
			t.Errorf("%s looked at nothing: the count is not of this work", what)
		}
	}
}

func TestPagesHoldEveryServiceOnce(t *testing.T) {
	p := newCloud(t, localcloud.Options{Discovery: discovery.Judge(t)})
	p.services(0, many)
	var want []string
	for i := range many {
		want = append(want, name(i))
	}
	for _, collection := range []string{"backendServices", "networkEndpointGroups", "urlMaps"} {
		var got []string
		pages, token := 0, ""
		for more := true; more; more = token != "" {
			var page struct {
				Items         map[string]map[string]any
				NextPageToken string
			}
			text := p.get(computePath + "aggregated/" + collection + "?pageToken=" + url.QueryEscape(token))
			if err := json.Unmarshal(text, &page); err != nil {
				t.Fatal(err)
			}
			for _, scope := range page.Items {
				items, _ := scope[collection].([]any)
				for _, item := range items {
					got = append(got, item.(object)["name"].(string))
				}
			}
			pages, token = pages+1, page.NextPageToken
		}
		if diff := cmp.Diff(want, got); diff != "" || pages != 2 {
			t.Errorf("%s on %d pages, want 2 (-want +got):\n%s", collection, pages, diff)
		}
	}
}

func TestTheLogIsReadFromEitherEnd(t *testing.T) {
	const n = 3000
	p := newCloud(t, localcloud.Options{Discovery: discovery.Judge(t)})
	p.entries(n)
	for order, last := range map[string]string{"timestamp asc": "oldest", "timestamp desc": "newest"} {
		var got []string
		pages, token := 0, ""
		for more := true; more; more = token != "" {
			page := p.query(object{"filter": `resource.labels.service_name="` + name(7) + `"`, "orderBy": order, "pageSize": 8,
				"pageToken": token})
			for _, entry := range page.Entries {
				got = append(got, entry.InsertID)
			}
			pages, token = pages+1, page.NextPageToken
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != n/100 || pages < n/100/8 {
			t.Errorf("%s first: %d entries on %d pages, want %d", last, len(got), pages, n/100)
		}
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("makes more calls than the log of calls keeps")
	}
	const calls, bound = 20_500, 20_000
	p := newCloud(t, localcloud.Options{})
	long := strings.Repeat("x", 9000)
	for i := range calls {
		path := computePath + "global/backendServices/none"
		if i%100 == 0 {
			path += long
		}
		p.refused("GET", path)
	}
	var kept []struct{ Resource string }
	if err := json.Unmarshal(p.get("/_local/calls"), &kept); err != nil {
		t.Fatal(err)
	}
	longest := slices.MaxFunc(kept, func(a, b struct{ Resource string }) int { return len(a.Resource) - len(b.Resource) })
	if len(kept) > bound || len(kept) < bound/2 || len(longest.Resource) > 2000 {
		t.Errorf("%d calls are kept, the longest of %d characters", len(kept), len(longest.Resource))
	}
}

// BenchmarkRequest sends requests through load balancers, with few and with many
// of them.
func BenchmarkRequest(b *testing.B) {
	for _, n := range []int{few, many} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := newCloud(b, localcloud.Options{})
			p.services(0, n)
			p.frontends(0, n)
			i := 0
			for b.Loop() {
				p.ask(host(i * 7 % n))
				i++
			}
		})
	}
}

// BenchmarkPage reads pages of aggregated lists, without a network between.
func BenchmarkPage(b *testing.B) {
	p := newCloud(b, localcloud.Options{})
	p.services(0, many)
	for _, list := range []string{"backendServices?prettyPrint=false", "urlMaps?prettyPrint=false", "backendServices"} {
		b.Run(list, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				recorder := httptest.NewRecorder()
				p.cloud.ServeHTTP(recorder, httptest.NewRequest("GET", "http://localhost"+computePath+"aggregated/"+list, nil))
				b.SetBytes(int64(recorder.Body.Len()))
			}
		})
	}
}
