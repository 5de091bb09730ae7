package scale

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/port"
)

var (
	processProjects = flag.Int("process-projects", 3, "how many projects a sweep goes through")
	processServices = flag.Int("process-services", 3, "how many services each of them has")
	processLatency  = flag.Duration("process-latency", 2*time.Millisecond, "how long each API call takes in addition")
	processQuota    = flag.Float64("process-quota", 2000, "how many calls a second are let into a project")
)

// perProcess is how many messages a process gets at once. deploy/ gives an instance as many.
const perProcess = 16

// deployment is a local cloud with an organization, and processes of the deployed program that its
// messages are pushed to in turn.
type deployment struct {
	*cloudtest.Env
	t         *testing.T
	apis      *httptest.Server // with latency and quotas
	front     *httptest.Server
	services  []string
	processes []*process
	turn      atomic.Int64
	handed    atomic.Pointer[func(n int64)] // is called with how many messages were handed out
	refused   atomic.Int64                  // calls, by quotas

	mu      sync.Mutex
	latest  map[string]report.Outcome // by service, since they were last asked for
	serving []*process                // that messages are handed to
	writes  map[string]int            // by method and resource
}

// process is one of the deployed program.
type process struct {
	*exec.Cmd
	log   bytes.Buffer
	proxy *httputil.ReverseProxy
}

// limited is a way to the APIs that takes a time, and lets so many calls a second into each project.
func (d *deployment) limited(w http.ResponseWriter, r *http.Request, quotas map[string]*rate.Limiter) {
	time.Sleep(*processLatency)
	project := ""
	if found := projectInPath.FindStringSubmatch(r.URL.Path); found != nil {
		project = found[1]
	}
	d.mu.Lock()
	quota := quotas[project]
	if quota == nil {
		quota = rate.NewLimiter(rate.Limit(*processQuota), max(1, int(*processQuota)))
		quotas[project] = quota
	}
	d.mu.Unlock()
	if project != "" && !quota.Allow() {
		d.refused.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = fmt.Fprintf(w, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded.",`+
			`"details":[{"reason":"RATE_LIMIT_EXCEEDED","metadata":{"consumer":"projects/%s"}}]}}`, project)
		return
	}
	d.Cloud.ServeHTTP(w, r)
}

var projectInPath = regexp.MustCompile(`/(?:projects|namespaces)/([^/:]+)`)

// deploy makes the organization, and starts so many processes.
func deploy(t *testing.T, n int) *deployment {
	t.Helper()
	var projects []apiserver.Project
	for i := range *processProjects {
		projects = append(projects, apiserver.Project{ID: fmt.Sprintf("shop-%04d", i),
			Number: fmt.Sprint(700_000_000_000 + i)})
	}
	d := &deployment{t: t, latest: map[string]report.Outcome{}, writes: map[string]int{}}
	d.Env = cloudtest.Start(t, playground.Options{Projects: projects, InstantOperations: true, Clock: time.Now,
		OnCall: d.called})
	for _, project := range projects {
		for i := range *processServices {
			one := playground.LoadBalanced{Service: name(i), Region: "us-central1", Host: host(i), Of: project.ID}
			d.Build(one)
			d.services = append(d.services, one.Name())
		}
	}
	d.grant()
	if err := d.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.OnReport(t.Context(), d.received); err != nil {
		t.Fatal(err)
	}
	quotas := map[string]*rate.Limiter{}
	d.apis = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.limited(w, r, quotas)
	}))
	t.Cleanup(d.apis.Close)
	for range n {
		d.start()
	}
	d.push()
	return d
}

// grant gives the function its roles in every project of the organization.
func (d *deployment) grant() {
	shipped, err := playground.ShippedRoles()
	if err != nil {
		d.t.Fatal(err)
	}
	var bindings []any
	for _, role := range shipped {
		_, id, _ := strings.Cut(role.Name, "/roles/")
		bindings = append(bindings, object{"role": organization + "/roles/" + id,
			"members": []any{"serviceAccount:" + playground.FunctionAccount}})
	}
	d.CallAs(d.Owner(), http.MethodPost, "/v3/"+organization+":setIamPolicy",
		object{"policy": object{"bindings": bindings}})
}

// start starts a process, and waits until it serves.
func (d *deployment) start() {
	d.t.Helper()
	policy := filepath.Join(d.t.TempDir(), "policy.yaml")
	rules := cloudtest.Policy("limits: {perProject: 1000, overall: 1000}")
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		d.t.Fatal(err)
	}
	address := port.Free(d.t)
	p := &process{Cmd: exec.Command(binary.Deployed(d.t), "serve")}
	p.Stdout, p.Stderr = &p.log, &p.log
	_, number, _ := strings.Cut(address, ":")
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "PORT=" + number, "IAPGUARD_POLICY=" + policy,
		"IAPGUARD_SELF=" + playground.FunctionAccount, "IAPGUARD_ENDPOINT=" + d.apis.URL,
		"IAPGUARD_REPORTS_TOPIC=" + playground.ReportsTopic, "IAPGUARD_WORK_TOPIC=" + playground.WorkTopic,
		"IAPGUARD_MEMORY=" + playground.MemoryBucket, "PUBSUB_EMULATOR_HOST=" + d.Broker.Address()}
	if err := p.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = p.Wait(); close(ended) }() // it is killed
	d.t.Cleanup(func() { _ = p.Process.Kill(); <-ended })
	for {
		response, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			response.Body.Close()
			break
		}
		select {
		case <-ended:
			d.t.Fatalf("the program ended:\n%s", p.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	p.proxy = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	p.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusServiceUnavailable) // as Cloud Run answers for an instance that is gone
	}
	d.processes = append(d.processes, p)
	d.serve(d.processes)
}

// serve hands messages to these processes from now on.
func (d *deployment) serve(processes []*process) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serving = processes
}

// next is the process that gets the next message.
func (d *deployment) next(turn int64) *process {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.serving[int(turn)%len(d.serving)]
}

// push pushes commands and work to the processes in turn.
func (d *deployment) push() {
	d.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := d.turn.Add(1)
		if handed := d.handed.Load(); handed != nil {
			(*handed)(n)
		}
		d.next(n).proxy.ServeHTTP(w, r)
	}))
	d.t.Cleanup(d.front.Close)
	for topic, path := range map[string]string{playground.CommandsTopic: "/commands", playground.WorkTopic: "/work"} {
		if err := d.Broker.Push(d.t.Context(), delivery.Subscription{
			Name: "projects/" + playground.Project + "/subscriptions/test-" + path[1:], Topic: topic,
			Endpoint: d.front.URL + path,
			Ordered:  topic == playground.WorkTopic, AckDeadline: 600 * time.Second, MinBackoff: 100 * time.Millisecond,
			MaxBackoff: time.Second, DeadLetterTopic: playground.DeadLettersTopic, MaxDeliveryAttempts: 100,
			Concurrency: perProcess * len(d.processes), Account: playground.PushAccount, Audience: playground.FunctionAudience,
		}); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *deployment) received(one playground.Report) {
	read, err := report.Read(one.Data)
	if err != nil {
		d.t.Errorf("report %s does not fit its schema: %v", one.Data, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest[read.Subject()] = read.Outcome
}

// sweep sweeps the organization, and returns the latest outcome of each service and how long it
// took.
func (d *deployment) sweep(id string) (map[string]report.Outcome, time.Duration) {
	d.t.Helper()
	d.mu.Lock()
	clear(d.latest)
	d.mu.Unlock()
	began := time.Now()
	d.Publish(playground.CommandsTopic, fmt.Sprintf(`{"command":"sweep","target":%q,"id":%q}`, organization, id))
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*cloudtest.Patience)
	defer cancel()
	if err := d.Broker.Idle(ctx); err != nil {
		d.t.Fatal(err)
	}
	took := time.Since(began)
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.latest), took
}

// called counts the writes of the function that were taken, but for those of its memory, and for
// the project's agent, which looks side by side may each ask for.
func (d *deployment) called(call apiserver.CallEntry) {
	if !call.Write || call.Status >= http.StatusMultipleChoices || call.Principal.Email() != playground.FunctionAccount ||
		strings.HasPrefix(call.Method, "storage.") || strings.HasPrefix(call.Method, "serviceusage.") {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes[call.Method+" "+call.Resource]++
}

// written are the writes by method and resource. The ids of backend services are other ones in
// each cloud, so for each method there is how often one resource was written at most.
func (d *deployment) written() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	count := map[string]int{}
	for write, times := range d.writes {
		method, _, _ := strings.Cut(write, " ")
		count[backendID.ReplaceAllString(write, "services/*")] += times
		count[method] = max(count[method], times)
	}
	return count
}

var backendID = regexp.MustCompile(`services/[0-9]+$`)

// everyone is an outcome for every service.
func (d *deployment) everyone(outcome report.Outcome) map[string]report.Outcome {
	all := map[string]report.Outcome{}
	for _, service := range d.services {
		all[service] = outcome
	}
	return all
}

// Figures come from
//
//	go test ./test/scale -run Processes -process-projects 50 -process-services 20 -process-latency 30ms \
//		-process-quota 60 -v -timeout 0
func TestProcessesShareASweepOfAnOrganization(t *testing.T) {
	var alone map[string]int
	for _, n := range []int{1, 2, 4, 8} {
		d := deploy(t, n)
		first, protecting := d.sweep("protect")
		if diff := cmp.Diff(d.everyone(report.Protected), first); diff != "" {
			t.Errorf("%d processes: outcomes (-want +got):\n%s", n, diff)
		}
		written := d.written()
		if n == 1 {
			alone = written
		}
		if diff := cmp.Diff(alone, written); diff != "" || len(written) == 0 {
			t.Errorf("%d processes: how often was written, by what (-one process +these):\n%s", n, diff)
		}
		refused := d.refused.Load()
		second, looking := d.sweep("look")
		if diff := cmp.Diff(d.everyone(report.Compliant), second); diff != "" {
			t.Errorf("%d processes, the second time: outcomes (-want +got):\n%s", n, diff)
		}
		if diff := cmp.Diff(written, d.written()); diff != "" {
			t.Errorf("%d processes wrote in a sweep of what is guarded (-before +after):\n%s", n, diff)
		}
		each := func(took time.Duration) float64 { return float64(len(d.services)) / took.Seconds() }
		show(t, fmt.Sprintf("%d services, %d processes", len(d.services), n), "%.1f a second protected, %.1f looked at; "+
			"%d and %d calls refused by quotas", each(protecting), each(looking), refused, d.refused.Load()-refused)
		for _, p := range d.processes {
			_ = p.Process.Kill()
		}
	}
}

// In the middle of a sweep one process is killed, or all are and others get the messages. Nobody
// sends the command again.
func TestProcessesTakeOverWhatKilledOnesLeave(t *testing.T) {
	for what, all := range map[string]bool{"one of them": false, "all of them": true} {
		t.Run(what, func(t *testing.T) {
			d := deploy(t, 4)
			d.serve(d.processes[:2])
			var once sync.Once
			kill := func() {
				_ = d.processes[0].Process.Kill() // it is there until the test ends
				if all {
					_ = d.processes[1].Process.Kill()
					d.serve(d.processes[2:])
				}
			}
			handed := func(n int64) {
				if n > int64(*processProjects+len(d.services)/2) {
					once.Do(kill)
				}
			}
			d.handed.Store(&handed)
			outcomes, _ := d.sweep("protect")
			once.Do(func() { t.Error("no process was killed") })
			if got := slices.Sorted(maps.Keys(outcomes)); !slices.Equal(got, d.services) {
				t.Errorf("looked at %v, want %v", got, d.services)
			}
			again, _ := d.sweep("look")
			if diff := cmp.Diff(d.everyone(report.Compliant), again); diff != "" {
				t.Errorf("outcomes of the next sweep (-want +got):\n%s", diff)
			}
			written := d.written()
			for _, method := range []string{"compute.backendServices.patch", "run.projects.locations.services.patch",
				"iap.setIamPolicy"} {
				if written[method] != 1 {
					t.Errorf("%s: one resource was written %d times, want once: %v", method, written[method], written)
				}
			}
		})
	}
}
