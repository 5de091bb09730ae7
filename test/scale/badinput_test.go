package scale

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/test/binary"
)

// meddle answers a call in the place of the local cloud, or changes what is asked of it. It
// reports whether it answered.
type meddle func(w http.ResponseWriter, r *http.Request) bool

// through is the address of a local cloud behind somebody who meddles.
func (p *population) through(with meddle) string {
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answered := with(w, r)
		mu.Unlock()
		if !answered {
			p.cloud.ServeHTTP(w, r)
		}
	}))
	p.t.Cleanup(server.Close)
	return server.URL
}

// refuse answers as Google's APIs do.
func refuse(w http.ResponseWriter, status int, message string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":%q}}`, status, message)
	return true
}

// said is what an audit printed, and how it ended.
type said struct {
	exposed map[string]string // by service, and by place that was not listed
	unread  map[string]string // likewise: why it was not read, as the end says it
	stderr  string
	status  int
	longest int // line, in bytes
}

// read are the names of what was read, sorted, and unread of what was not.
func (s said) read() (read, unread []string) {
	for name := range s.exposed {
		if s.unread[name] == "" {
			read = append(read, name)
		}
	}
	slices.Sort(read)
	return read, slices.Sorted(maps.Keys(s.unread))
}

// auditAt audits the organization of a local cloud at an address.
func auditAt(t *testing.T, address string, flags ...string) said {
	t.Helper()
	arguments := append([]string{"audit", organization, "--format", "ndjson", "--endpoint", address}, flags...)
	command := exec.Command(binary.Command(t), arguments...)
	var out, stderr bytes.Buffer
	command.Stdout, command.Stderr = &out, &stderr
	err := command.Run()
	s := said{exposed: map[string]string{}, unread: map[string]string{}}
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		s.status = ended.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	s.stderr = stderr.String()
	for line := range strings.Lines(out.String()) {
		s.longest = max(s.longest, len(line))
		var row struct{ Service, Exposed string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if row.Service != "" {
			s.exposed[row.Service] = row.Exposed
		}
	}
	_, end, _ := strings.Cut(s.stderr, "not read, and so not known to be shut:\n")
	for line := range strings.Lines(end) {
		if name, why, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			s.unread[name] = why
		}
	}
	return s
}

// shops makes projects with services in the organization, all of them guarded, and returns their
// names by project.
func shops(t *testing.T, projects, services int) (*population, map[string][]string) {
	t.Helper()
	p := newCloud(t, localcloud.Options{})
	all := map[string][]string{}
	for i := range projects {
		project := fmt.Sprintf("shop-%04d", i)
		p.guarded(project, services)
		for j := range services {
			all[project] = append(all[project], "projects/"+project+"/locations/us-central1/services/"+name(j))
		}
	}
	return p, all
}

// except are the services of all projects but one.
func except(all map[string][]string, project string) []string {
	var names []string
	for each, services := range all {
		if each != project {
			names = append(names, services...)
		}
	}
	slices.Sort(names)
	return names
}

// ends compares what an audit said with what it has to say, and with --exit-code.
func ends(t *testing.T, address string, wantRead, wantUnread []string) said {
	t.Helper()
	s := auditAt(t, address)
	read, unread := s.read()
	if diff := cmp.Diff(wantRead, read); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantUnread, unread); diff != "" {
		t.Errorf("not read (-want +got):\n%s", diff)
	}
	status, checked := 0, 0
	if len(wantUnread) > 0 {
		status, checked = 1, 3
	}
	if s.status != status {
		t.Errorf("exit status %d, want %d:\n%s", s.status, status, s.stderr)
	}
	if got := auditAt(t, address, "--exit-code"); got.status != checked {
		t.Errorf("with --exit-code: exit status %d, want %d", got.status, checked)
	}
	for _, name := range wantUnread {
		if s.exposed[name] != "unknown" {
			t.Errorf("%s is exposed %q, want unknown", name, s.exposed[name])
		}
	}
	for _, name := range wantRead {
		if s.exposed[name] != "no" {
			t.Errorf("%s is exposed %q, want no", name, s.exposed[name])
		}
	}
	return s
}

func TestAuditOutlivesAProjectThatVanishes(t *testing.T) {
	for status, message := range map[int]string{
		http.StatusForbidden: "Permission denied on resource project shop-0001.",
		http.StatusNotFound:  "Requested entity was not found.",
	} {
		p, all := shops(t, 3, 2)
		lists := []string{"/v1/projects/shop-0001" + listOfServices,
			"/apis/run.googleapis.com/v1/namespaces/shop-0001/instances"}
		address := p.through(func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "shop-0001") && !slices.Contains(lists, r.URL.Path) &&
				refuse(w, status, message)
		})
		t.Run(fmt.Sprint(status), func(t *testing.T) { ends(t, address, except(all, "shop-0001"), all["shop-0001"]) })
	}
}

func TestAuditOutlivesARegionThatIsDown(t *testing.T) {
	p, all := shops(t, 3, 2)
	far := "projects/shop-0001/locations/europe-west1/services"
	p.call("POST", "/v2/"+far+"?serviceId=far", object{
		"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}}})
	p.settle()
	down := func(w http.ResponseWriter, r *http.Request) bool {
		return strings.Contains(r.URL.Path, "europe-west1") && refuse(w, http.StatusServiceUnavailable, "The region is down.")
	}
	every := except(all, "")
	t.Run("after the list", func(t *testing.T) { ends(t, p.through(down), every, []string{far + "/far"}) })
	t.Run("before the list", func(t *testing.T) {
		s := ends(t, p.through(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/projects/shop-0001"+listOfServices) {
				recorder := httptest.NewRecorder()
				p.cloud.ServeHTTP(recorder, r)
				var page object
				if err := json.Unmarshal(recorder.Body.Bytes(), &page); err != nil {
					t.Error(err)
				}
				items, _ := page["items"].([]any)
				page["items"] = slices.DeleteFunc(items, func(item any) bool {
					text, _ := json.Marshal(item)
					return bytes.Contains(text, []byte(`"far"`))
				})
				page["unreachable"] = []string{"europe-west1"}
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(page)
				return true
			}
			return down(w, r)
		}), every, []string{"projects/shop-0001"})
		if why := s.unread["projects/shop-0001"]; !strings.Contains(why, "europe-west1") {
			t.Errorf("the place is not named: %s", why)
		}
	})
}

// listOfServices is how v1 of Cloud Run lists the services of a project.
const listOfServices = "/locations/-/services"

// halves answers a list of v1 of Cloud Run in two pages, for the local cloud has one.
func (p *population) halves(w http.ResponseWriter, r *http.Request) {
	second := r.URL.Query().Get("continue") != ""
	r.URL.RawQuery = ""
	recorder := httptest.NewRecorder()
	p.cloud.ServeHTTP(recorder, r)
	var page object
	if err := json.Unmarshal(recorder.Body.Bytes(), &page); err != nil {
		p.t.Errorf("%s: %v", recorder.Body, err)
	}
	items, _ := page["items"].([]any)
	page["items"], page["metadata"] = items[:1], object{"continue": "more"}
	if second {
		page["items"], page["metadata"] = items[1:], object{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) // into a connection; the audit says what it did not get
}

// expiring gives every list pages of one item. The tokens of lists that of chooses expire so many
// times. The map counts how often each did.
func (p *population) expiring(status, times int, of func(path string) bool) (meddle, map[string]int) {
	expired := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		if r.Method != http.MethodGet {
			return false
		}
		if (query.Get("pageToken") != "" || query.Get("continue") != "") && of(r.URL.Path) && expired[r.URL.Path] < times {
			expired[r.URL.Path]++
			return refuse(w, status, "The page token is expired.")
		}
		if strings.HasPrefix(r.URL.Path, "/v1/projects/shop-") && strings.HasSuffix(r.URL.Path, listOfServices) {
			p.halves(w, r)
			return true
		}
		for _, size := range []string{"maxResults", "pageSize"} {
			query.Set(size, "1")
		}
		r.URL.RawQuery = query.Encode()
		return false
	}, expired
}

func TestAuditOutlivesPageTokensThatExpire(t *testing.T) {
	p, all := shops(t, 2, 3)
	const always = 1 << 20
	broken := func(path string) bool { return strings.Contains(path, "shop-0001") }
	services := func(path string) bool { return strings.HasSuffix(path, listOfServices) }
	for _, status := range []int{http.StatusBadRequest, http.StatusGone} {
		for what, tc := range map[string]struct {
			times        int
			of           func(string) bool
			read, unread []string
		}{
			"of every list once": {1, func(string) bool { return true }, except(all, ""), nil},
			"of one list forever": {always, func(path string) bool { return broken(path) && services(path) },
				all["shop-0000"], []string{"projects/shop-0001"}},
			"of others forever": {always, func(path string) bool { return broken(path) && !services(path) },
				all["shop-0000"], all["shop-0001"]},
		} {
			t.Run(fmt.Sprint(status, " ", what), func(t *testing.T) {
				with, expired := p.expiring(status, tc.times, tc.of)
				ends(t, p.through(with), tc.read, tc.unread)
				if len(expired) == 0 || tc.unread == nil && len(expired) < 10 {
					t.Errorf("page tokens of these lists expired: %v", expired)
				}
			})
		}
	}
}

// A project has as many backend services that lead to nothing as an aggregated list takes a hundred
// pages for. They are not made: its list has them after those that are there.
func TestAuditOutlivesFiftyThousandBackends(t *testing.T) {
	const backends, page = 50_000, 500
	p, all := shops(t, 2, 3)
	const list = "/compute/v1/projects/shop-0001/aggregated/backendServices"
	const compute = "https://www.googleapis.com/compute/v1/projects/shop-0001/"
	asked := 0
	address := p.through(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != list {
			return false
		}
		asked++
		first := 0
		token := r.URL.Query().Get("pageToken")
		answer := object{"kind": "compute#backendServiceAggregatedList", "id": "projects/shop-0001/aggregated/backendServices"}
		if _, err := fmt.Sscan(token, &first); err != nil { // the first page
			recorder := httptest.NewRecorder()
			p.cloud.ServeHTTP(recorder, r)
			if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
				t.Error(err)
			}
		} else {
			var items []any
			for i := range page {
				other := fmt.Sprintf("other-%05d", first+i)
				items = append(items, object{"name": other, "id": fmt.Sprint(9_000_000_000 + first + i),
					"selfLink":            compute + "global/backendServices/" + other,
					"loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS",
					"backends": []any{object{"group": compute + "zones/us-central1-a/instanceGroups/group"}}})
			}
			answer["items"], first = object{"global": object{"backendServices": items}}, first+page
		}
		if first < backends {
			answer["nextPageToken"] = fmt.Sprint(first)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return true
	})
	began := time.Now()
	ends(t, address, except(all, ""), nil)
	if want := 2 * (1 + backends/page); asked != want { // by two audits
		t.Errorf("the list was asked for %d pages, want %d: once for all services", asked, want)
	}
	show(t, fmt.Sprintf("audit of 6 services beside %d backends", backends), "%v", round(time.Since(began)/2))
}

// One URL map of a megabyte leads to all services of a project.
func TestAuditOutlivesAURLMapOfAMegabyte(t *testing.T) {
	const services, hosts = 20, 9000
	p, all := shops(t, 2, services)
	link := func(i int) string {
		return "https://www.googleapis.com/compute/v1/projects/shop-0001/global/backendServices/" + name(i)
	}
	rules, matchers := []any{}, []any{}
	for i := range services {
		var mine []any
		for j := i; j < hosts; j += services {
			mine = append(mine, fmt.Sprintf("%s-of-the-many-hosts-of-one-url-map-%05d.shops-of-a-large-company.example.com",
				name(i), j))
		}
		rules = append(rules, object{"hosts": mine, "pathMatcher": name(i)})
		matchers = append(matchers, object{"name": name(i), "defaultService": link(i)})
	}
	body := object{"name": "large", "defaultService": link(0), "hostRules": rules, "pathMatchers": matchers}
	text, err := json.Marshal(body)
	if err != nil || len(text) < 700_000 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	p.call("POST", "/compute/v1/projects/shop-0001/global/urlMaps", body)
	p.call("POST", "/compute/v1/projects/shop-0001/global/targetHttpProxies", object{"name": "large",
		"urlMap": "https://www.googleapis.com/compute/v1/projects/shop-0001/global/urlMaps/large"})
	p.call("POST", "/compute/v1/projects/shop-0001/global/forwardingRules", object{"name": "large",
		"loadBalancingScheme": "EXTERNAL_MANAGED", "portRange": "80",
		"target": "https://www.googleapis.com/compute/v1/projects/shop-0001/global/targetHttpProxies/large"})
	p.settle()
	began := time.Now()
	s := ends(t, p.through(func(http.ResponseWriter, *http.Request) bool { return false }), except(all, ""), nil)
	show(t, fmt.Sprintf("audit of %d services behind a URL map of %d bytes", services, len(text)), "%v",
		round(time.Since(began)/2))
	if s.longest > 256<<10 {
		t.Errorf("a service takes %d bytes of the output, want at most 256 KiB", s.longest)
	}
}
