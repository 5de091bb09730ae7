package scale

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/test/binary"
)

var (
	auditProjects = flag.Int("audit-projects", 3, "how many projects are audited")
	auditServices = flag.Int("audit-services", 20, "how many services each of them has, every one behind a load balancer")
	auditIndexed  = flag.Bool("audit-inventory", true, "audit once more, with IAM policies from Cloud Asset Inventory")
	auditLatency  = flag.Duration("audit-latency", 0, "how long each API call takes beside the work of the local cloud")
)

// organization is the one of the local cloud.
const organization = "organizations/987654321098"

// slow is a local cloud over loopback that counts its calls by method and path's kind, and answers
// each after a time.
type slow struct {
	*httptest.Server
	calls atomic.Int64
	mu    sync.Mutex
	kinds map[string]int
}

func (p *population) slowly(by time.Duration) *slow {
	s := &slow{kinds: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		s.mu.Lock()
		s.kinds[kindOf(r.URL.Path)]++
		s.mu.Unlock()
		time.Sleep(by)
		p.cloud.ServeHTTP(w, r)
	}))
	p.t.Cleanup(s.Close)
	return s
}

// guarded makes a project in the organization with n services, each behind IAP at a load balancer
// of its own and closed to all other ways.
func (p *population) guarded(project string, n int) {
	p.t.Helper()
	compute := "/compute/v1/projects/" + project + "/"
	link := func(path string) string { return "https://www.googleapis.com" + compute + path }
	p.call("POST", "/v3/projects", object{"projectId": project, "parent": organization})
	iap := "/v1beta1/projects/" + project + "/services/iap.googleapis.com"
	identity := p.call("POST", iap+":generateServiceIdentity", object{})
	agent, _ := identity["response"].(object)["email"].(string)
	for i := range n {
		service := "/v2/projects/" + project + "/locations/us-central1/services"
		p.call("POST", service+"?serviceId="+name(i), object{"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
			"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}}})
		p.call("POST", service+"/"+name(i)+":setIamPolicy", object{"policy": object{"bindings": []any{
			object{"role": "roles/run.invoker", "members": []any{"serviceAccount:" + agent}}}}})
		p.call("POST", compute+"regions/us-central1/networkEndpointGroups", object{
			"name": name(i), "networkEndpointType": "SERVERLESS", "cloudRun": object{"service": name(i)}})
		p.call("POST", compute+"global/backendServices", object{"name": name(i), "loadBalancingScheme": "EXTERNAL_MANAGED",
			"protocol": "HTTPS", "iap": object{"enabled": true},
			"backends": []any{object{"group": link("regions/us-central1/networkEndpointGroups/" + name(i))}}})
		p.call("POST", "/v1/projects/"+project+"/iap_web/compute/services/"+name(i)+":setIamPolicy",
			object{"policy": object{"bindings": []any{
				object{"role": "roles/iap.httpsResourceAccessor", "members": []any{"user:alice@example.com"}}}}})
		p.call("POST", compute+"global/urlMaps",
			object{"name": name(i), "defaultService": link("global/backendServices/" + name(i))})
		p.call("POST", compute+"global/targetHttpProxies",
			object{"name": name(i), "urlMap": link("global/urlMaps/" + name(i))})
		p.call("POST", compute+"global/forwardingRules", object{"name": name(i), "loadBalancingScheme": "EXTERNAL_MANAGED",
			"portRange": "80", "target": link("global/targetHttpProxies/" + name(i))})
	}
	p.settle()
}

// audited is what the program said.
type audited struct {
	services, guarded int
	first, all        time.Duration
	peak              float64 // MiB that were resident
}

// audit runs the program over a target.
func (s *slow) audit(t *testing.T, target string, flags ...string) (a audited) {
	t.Helper()
	command := exec.Command(binary.Command(t), append([]string{"audit", target, "--format", "ndjson", "--endpoint", s.URL}, flags...)...)
	ofTests := func(pair string) bool { return strings.HasPrefix(pair, "GOGC=") }
	command.Env = slices.DeleteFunc(os.Environ(), ofTests)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct {
			Service, Exposed string
			Doors            []struct{ Guard string }
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		a.peak = max(a.peak, highWater(command.Process.Pid))
		if row.Service == "" {
			continue // the totals
		}
		if a.services++; a.services == 1 {
			a.first = time.Since(began)
		}
		if row.Exposed == "no" && len(row.Doors) > 0 {
			a.guarded++
		}
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the audit of %s ended with %v", target, err)
	}
	a.all = time.Since(began)
	return a
}

// highWater is how much memory of a process was resident at most, in MiB, 0 where the system does
// not say. What getrusage says of a child counts its parent before the exec.
func highWater(process int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	_, after, found := strings.Cut(string(text), "VmHWM:")
	var kib float64
	if err != nil || !found {
		return 0
	}
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0
	}
	return kib / 1024
}

// An audit names every service, and what many services share is read once. The figures of an
// organization come from
//
//	go test ./test/scale -run AuditOf -audit-projects 200 -audit-services 50 -audit-latency 30ms -v -timeout 0
func TestAuditOfManyServicesMakesFewCalls(t *testing.T) {
	var before atomic.Int64 // the machine's time
	before.Store(int64(72 * time.Hour))
	p := newCloud(t, localcloud.Options{Clock: func() time.Time { return time.Now().Add(-time.Duration(before.Load())) }})
	p.guardMany()
	before.Store(0)
	// Four of each service: who may invoke it, who passes IAP at the backend service and at the service, and
	// the settings of IAP. Of a project some twenty, however many services it has.
	auditMany(t, p, 4)
	if *auditIndexed {
		// An inventory has the policies of three days ago, but for IAP at the services, where nobody set any.
		auditMany(t, p, 2, "--inventory", "auto")
	}
}

// guardMany makes the projects with their services.
func (p *population) guardMany() {
	for i := range *auditProjects {
		p.guarded(fmt.Sprintf("shop-%04d", i), *auditServices)
	}
}

// auditMany audits an organization, or a project, and bounds the calls for each service.
func auditMany(t *testing.T, p *population, each int, flags ...string) {
	t.Helper()
	cloud := p.slowly(*auditLatency)
	target := organization
	if *auditProjects == 1 {
		target = "projects/shop-0000"
	}
	all := *auditProjects * *auditServices
	found := cloud.audit(t, target, flags...)
	if found.services != all || found.guarded != all {
		t.Errorf("%d services, %d of them guarded, want %d", found.services, found.guarded, all)
	}
	calls := cloud.calls.Load()
	if most := int64(each*all + 25**auditProjects + 25); calls > most {
		t.Errorf("%d calls for %d services, want at most %d: %v", calls, all, most, cloud.kinds)
	}
	what := "audit of %d services in %d projects"
	if flags != nil {
		what = "audit by the inventory of %d services in %d projects"
	}
	show(t, fmt.Sprintf(what, all, *auditProjects),
		"%v, the first after %v; %.2f calls for a service; %.0f MiB at most; %v a call", round(found.all), round(found.first),
		float64(calls)/float64(all), found.peak, *auditLatency)
	show(t, "calls by kind", "%v", cloud.kinds)
}

// names of resources in a path.
var named = regexp.MustCompile(`/(projects|services|folders|organizations|namespaces)/[^/:]+`)

// kindOf is a path without the names of resources.
func kindOf(path string) string { return named.ReplaceAllString(path, "/$1/*") }
