package bench

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

var capsPart = flag.Int("caps", 100, "look at a service at this part of Google's documented caps; 1 = at all of them")

// caps are how large Google lets become what one look reads.
type caps struct {
	services   int // run/quotas: 1,000 services per project and region
	tags       int // run/quotas: 2,000 revision tags per project and region, here all of one service
	principals int // iam/quotas: 1,500 principals of an allow policy, half of them at the service and at IAP
	hosts      int // load-balancing/docs/quotas: a URL map of 1 MB, here of names of some 100 bytes
	entries    int // of the log; nothing bounds them
	backends   int // backend services that lead to one service; a quota that projects may raise
}

func capsOf(part int) caps {
	return caps{services: 1000 / part, tags: 2000 / part, principals: 1500 / part, hosts: 9000 / part, entries: 10_000 / part,
		backends: max(2, 50/part)}
}

// lookFigure is what one look took.
type lookFigure struct {
	outcome  string
	calls    int64
	memory   int // MiB, the most that the process ever had
	took     time.Duration
	reported int64 // bytes, the largest report
}

// TestALookAtTheCaps prints what a look costs where everything that it reads is as large as Google
// documents. It asserts the calls and the sizes; times are printed alone.
//
//	go test ./test/bench -run Caps -caps 1 -v -timeout 20m
func TestALookAtTheCaps(t *testing.T) {
	of := capsOf(*capsPart)
	t.Logf("%+v", of)
	for _, one := range lookAtCaps(t, of) {
		t.Logf("%s: %d calls, %d MiB, %.1f s, largest report %d bytes", one.outcome, one.calls, one.memory,
			one.took.Seconds(), one.reported)
		if one.reported == 0 || one.reported > report.MaxSize {
			t.Errorf("%s: a report of %d bytes, want one of at most %d", one.outcome, one.reported, report.MaxSize)
		}
		if most := int64(30 + 3*of.backends); one.outcome == string(report.Compliant) && one.calls > most {
			t.Errorf("%d calls, want at most %d", one.calls, most)
		}
		if one.memory > 256 {
			t.Errorf("%s: %d MiB, want at most 256", one.outcome, one.memory)
		}
	}
}

func lookAtCaps(t *testing.T, of caps) (found []lookFigure) {
	var calls, largest atomic.Int64
	cloud := openCloud(t, func(call apiserver.CallEntry) {
		if call.Principal.Email() == playground.FunctionAccount {
			calls.Add(1)
		}
	})
	h := startHost(t, cloud, ordered)
	var outcome atomic.Value
	if err := cloud.OnReport(t.Context(), func(one playground.Report) {
		largest.Store(max(largest.Load(), int64(len(one.Data))))
		if kind := strings.TrimPrefix(one.Attributes["ce-type"], report.TypePrefix); kind != string(report.Started) {
			outcome.Store(kind)
		}
	}); err != nil {
		t.Fatal(err)
	}
	service := numbered("app", 0)
	makeLarge(t, cloud, service, of)
	for range 2 {
		outcome.Store("")
		largest.Store(0)
		calls.Store(0)
		began := time.Now()
		h.sweep(service)
		took := time.Since(began)
		until(t, "a report comes", func() bool { return outcome.Load() != "" })
		found = append(found, lookFigure{outcome.Load().(string), calls.Load(), peak(t, h.pid), took, largest.Load()})
	}
	return found
}

// makeLarge makes a public service behind load balancers, and all that a look at it reads as large as
// the caps let it be.
func makeLarge(t *testing.T, cloud *playground.Playground, service playground.LoadBalanced, of caps) {
	t.Helper()
	client := playground.Client{URL: cloud.URL()}
	call := func(ctx context.Context, verb, path string, body object) {
		t.Helper()
		if _, err := client.Call(ctx, verb, path, body); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	defer func() { t.Logf("made in %s", time.Since(began).Round(time.Second)) }()
	build(t, cloud, service)
	for i := 1; i < of.services; i++ {
		if err := numbered("app", i).Deploy(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < of.backends; i++ {
		also := service
		also.As, also.Host = fmt.Sprintf("also-%03d", i), fmt.Sprintf("also-%03d.example.com", i)
		if err := also.Balance(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	traffic := []any{object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}}
	for i := range of.tags {
		traffic = append(traffic, object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "tag": fmt.Sprintf("tag-%04d", i)})
	}
	call(t.Context(), http.MethodPatch, "/v2/"+service.Name()+"?updateMask=traffic", object{"traffic": traffic})
	var members []any
	for i := range of.principals / 2 {
		members = append(members, fmt.Sprintf("user:a-person-with-a-long-name-%04d@example.com", i))
	}
	call(t.Context(), http.MethodPost, "/v2/"+service.Name()+":setIamPolicy", object{"policy": object{"bindings": []any{
		object{"role": "roles/run.invoker", "members": append([]any{"allUsers"}, members...)}}}})
	call(t.Context(), http.MethodPost, "/v1/projects/"+playground.Project+"/iap_web/compute/services/"+service.Backend()+
		":setIamPolicy", object{"policy": object{"bindings": []any{
		object{"role": "roles/iap.httpsResourceAccessor", "members": members}}}})
	link := "projects/" + playground.Project + "/global/backendServices/" + service.Backend()
	var hosts []any
	for i := range of.hosts {
		hosts = append(hosts, fmt.Sprintf("%s-of-the-many-hosts-of-one-url-map-%05d.shops-of-a-large-company.example.com",
			service.Service, i))
	}
	call(t.Context(), http.MethodPatch, "/compute/v1/projects/"+playground.Project+"/global/urlMaps/"+service.Service+"-map",
		object{"hostRules": []any{object{"hosts": hosts, "pathMatcher": "all"}},
			"pathMatchers": []any{object{"name": "all", "defaultService": link}}})
	write(t, cloud, service, of.entries)
}

// peak is the most memory that a process ever had, in MiB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kilobytes int
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes / 1024
}
