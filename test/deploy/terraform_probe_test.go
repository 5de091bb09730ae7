package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// probe is what happens in the guarded project, and what of it reached the function.
type probe struct {
	*cloudtest.Env
	guarded  string   // projects/P
	function string   // the function's service, by its full name
	name     string   // that topics begin with
	wanted   []string // subscriptions, by their names without the beginning; "trigger" = Eventarc's
	controls bool     // whether a sink brings changes of organisation policies to the guard's log
	service  string   // that the team deploys: its path

	mu       sync.Mutex
	sent     int
	received map[string]bool // "events n12"
}

// constraint is one that keeps services from the internet; the sink controls selects its changes.
const constraint = "run.allowedIngress"

var anyIngress = map[string]any{"rules": []any{map[string]any{"allowAll": true}}}

// startProbe deploys a service in the guarded project, and listens where the function will run.
func startProbe(o *cloudtest.Env, p *probe) *probe {
	p.Env, p.received = o, map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(p.take))
	o.Keep(closer(server.Close))
	o.Cloud.DataPlane().Contain(p.function, server.URL)
	parent := "/v2/" + p.guarded + "/locations/us-central1/services"
	o.CallAs(o.Owner(), http.MethodPost, parent+"?serviceId=web", map[string]any{"template": map[string]any{
		"containers": []any{map[string]any{"image": playground.Image}}}})
	p.service = parent + "/web"
	o.CallAs(o.Owner(), http.MethodPost, "/v2/"+p.guarded+"/policies", map[string]any{
		"name": p.guarded + "/policies/" + constraint, "spec": anyIngress})
	return p
}

// owns reports whether a resource is the probe's own.
func (p *probe) owns(name string) bool {
	return strings.Contains(name, p.guarded+"/locations/us-central1/services/web") ||
		strings.HasSuffix(name, p.guarded+"/policies/"+constraint)
}

type closer func()

// Close closes it.
func (c closer) Close() error {
	c()
	return nil
}

var label = regexp.MustCompile(`probe["=:]+(n[0-9]+)`)

// take is the function. A push of a subscription of the module's is wrapped, and one of a
// trigger's is an event itself.
func (p *probe) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var push struct {
		Message      struct{ Data []byte }
		Subscription string
	}
	from, data := "trigger", body
	if err == nil && r.Header.Get("Ce-Type") == "" {
		err = json.Unmarshal(body, &push)
		from, data = strings.TrimPrefix(path.Base(push.Subscription), p.name+"-"), push.Message.Data
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, found := range label.FindAllSubmatch(data, -1) {
		p.received[from+" "+string(found[1])] = true
	}
}

// send changes the service and an organisation policy, publishes a command and work, and logs
// what Cloud Run does when it refuses a visitor of a load balancer.
func (p *probe) send(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	p.sent++
	label := fmt.Sprint("n", p.sent)
	p.mu.Unlock()
	p.CallAs(p.Owner(), http.MethodPatch, p.service+"?updateMask=labels", map[string]any{"labels": map[string]any{"probe": label}})
	p.CallAs(p.Owner(), http.MethodPatch, "/v2/"+p.guarded+"/policies/"+constraint, map[string]any{"spec": anyIngress})
	for _, topic := range []string{"work", "commands"} {
		if slices.Contains(p.wanted, topic) {
			p.Publish(project+"/topics/"+p.name+"-"+topic, `{"probe":"`+label+`"}`)
		}
	}
	p.CallAs(p.Owner(), http.MethodPost, "/v2/entries:write", map[string]any{"entries": []any{map[string]any{
		"logName":  p.guarded + "/logs/run.googleapis.com%2Frequests",
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{"service_name": "web", "location": "us-central1"}},
		"httpRequest": map[string]any{"status": http.StatusForbidden, "requestMethod": http.MethodGet,
			"requestUrl": "https://shop.example.com/?probe=" + label},
		"textPayload": "The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization header."}}})
}

// during sends before something is done, all the time while it is, and after it.
func (p *probe) during(t *testing.T, do func()) {
	t.Helper()
	p.send(t)
	p.beside(t, do)
	p.send(t)
}

// beside sends until something is done, or ends the test.
func (p *probe) beside(t *testing.T, do func()) {
	t.Helper()
	stop, busy := make(chan struct{}), sync.WaitGroup{}
	busy.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				p.send(t)
			}
		}
	})
	defer busy.Wait()
	defer close(stop)
	do()
}

// missed is what was sent and did not reach the function.
func (p *probe) missed() (missed []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.sent {
		for _, from := range p.wanted {
			if want := fmt.Sprintf("%s n%d", from, n+1); !p.received[want] {
				missed = append(missed, want)
			}
		}
	}
	return missed
}

// arrived fails where something that was sent did not reach the function, or the guard's log.
func (p *probe) arrived(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(cloudtest.Patience); len(p.missed()) > 0 && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d times each: %v", p.sent, p.wanted)
	if left := p.missed(); len(left) > 0 {
		t.Errorf("%d did not reach the function, from %s to %s", len(left), left[0], left[len(left)-1])
	}
	if !p.controls {
		return
	}
	entries, body := 0, map[string]any{"resourceNames": []any{project}, "pageSize": 1000,
		"filter": `protoPayload.methodName="google.cloud.orgpolicy.v2.OrgPolicy.UpdatePolicy"`}
	for {
		page := p.CallAs(p.Owner(), http.MethodPost, "/v2/entries:list", body)
		found, _ := page["entries"].([]any)
		entries += len(found)
		if body["pageToken"] = page["nextPageToken"]; page["nextPageToken"] == nil {
			break
		}
	}
	if entries != p.sent {
		t.Errorf("%d changes of an organisation policy are in the log of the guard's project, want %d", entries, p.sent)
	}
}
