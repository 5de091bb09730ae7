package seconds

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// enforcing is a policy that says what it has to, all else by default.
const enforcing = `version: 1
rules:
  - name: shops
    mode: enforce
    access: {members: ["user:alice@example.com"]}
`

const (
	alice    = "user:alice@example.com"
	agent    = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	frontend = "hello.example.com"
)

var hello = playground.LoadBalanced{Service: "hello", Region: "us-central1", Host: frontend}

// room is a local cloud that the function guards, with a clock that is turned second by
// second.
type room struct {
	*withfunction.Env
	t       *testing.T
	watched string // data plane for those who only watch
	began   time.Time
	turned  time.Duration
	open    map[string]int // seconds that a stranger got 200, by door
	refused int            // seconds that alice got 403 at the frontend

	mu   sync.Mutex
	mail []letter
}

// letter is a message that waits for its delivery.
type letter struct {
	path, id string
	body     []byte
}

func start(t *testing.T, iamPropagation time.Duration) *room {
	t.Helper()
	r := &room{t: t, open: map[string]int{}, Env: withfunction.Open(t, withfunction.Options{
		Policy: enforcing, Queued: true, WorkDeadline: time.Second,
		Playground: playground.Options{IAMPropagation: iamPropagation, InstantOperations: true},
	})}
	watched := httptest.NewServer(r.Cloud.DataPlane().Unlogged())
	t.Cleanup(watched.Close)
	r.watched, r.began = watched.URL, r.Now()
	if err := r.Attach(t.Context(), http.HandlerFunc(r.keep)); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *room) keep(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var push struct {
		Message struct {
			MessageID string `json:"messageId"`
		}
	}
	if err := json.Unmarshal(body, &push); err != nil {
		r.t.Errorf("a message cannot be read: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mail = append(r.mail, letter{request.URL.Path, push.Message.MessageID, body})
	w.WriteHeader(http.StatusNoContent)
}

// deliver hands everything to the function, in order, as long as something comes of it.
// What it sends back stays for the next second.
func (r *room) deliver() {
	r.t.Helper()
	var later []letter
	for {
		r.Cloud.Settle()
		r.Idle()
		r.mu.Lock()
		now := r.mail
		r.mail = nil
		r.mu.Unlock()
		if len(now) == 0 {
			break
		}
		slices.SortStableFunc(now, func(a, b letter) int {
			return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
		})
		for _, one := range now {
			if !r.post(one) {
				later = append(later, one)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mail = append(later, r.mail...)
}

// post hands one message to the function, and reports whether it is done with.
func (r *room) post(one letter) bool {
	r.t.Helper()
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, one.path, bytes.NewReader(one.body)))
	switch answer.Code {
	case http.StatusNoContent:
		return true
	case http.StatusServiceUnavailable:
		return false
	}
	r.t.Fatalf("the function answered %d", answer.Code)
	return false
}

// turn turns the clock by so many seconds. Each second the function gets its messages,
// and then somebody knocks at every door.
func (r *room) turn(seconds int) {
	r.t.Helper()
	for range seconds {
		r.turned += time.Second
		r.Later(max(0, r.began.Add(r.turned).Sub(r.Now())))
		r.deliver()
		for name, host := range r.doors() {
			if r.knock(host, "") == http.StatusOK {
				r.open[name]++
			}
		}
		if r.knock(frontend, alice) == http.StatusForbidden {
			r.refused++
		}
	}
}

// later turns the clock at once, with nobody at the doors.
func (r *room) later(by time.Duration) {
	r.t.Helper()
	r.turned += by
	r.Later(by)
	r.deliver()
}

// doors are the addresses of the service by their names.
func (r *room) doors() map[string]string {
	doors := map[string]string{"load balancer": frontend}
	found, err := r.Owner().Call(r.t.Context(), http.MethodGet, "/v2/"+hello.Name(), nil)
	if address, _ := found["uri"].(string); err == nil && address != "" {
		doors["run.app"] = strings.TrimPrefix(address, "https://")
	}
	return doors
}

// knock asks at a host and gives the status of the answer.
func (r *room) knock(host, who string) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.watched+"/", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Host = host
	if who != "" {
		request.Header.Set("X-Local-User", who)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode
}

// safe reports whether the last report says that nothing is left to do.
func (r *room) safe() bool {
	outcome := r.LastOf(hello.Service).Outcome
	return outcome == report.Protected || outcome == report.Compliant
}

// tool is what somebody deploys with.
type tool struct{ name, userAgent string }

var tools = []tool{
	{"gcloud", "google-cloud-sdk gcloud/583.0.0 command/gcloud.run.deploy"},
	{"Terraform", "Terraform/1.13 terraform-provider-google/7.45.0"},
}

// call makes a call with a tool that must succeed.
func (r *room) call(by tool, method, path string, body any) map[string]any {
	r.t.Helper()
	client := r.Developer()
	client.UserAgent = by.userAgent
	return r.CallAs(client, method, path, body)
}

// deploy makes the service with a tool, and lets everybody invoke it: both tools read the
// policy and write it with its version.
func (r *room) deploy(by tool) {
	r.t.Helper()
	r.call(by, http.MethodPost, "/v2/projects/demo-project/locations/us-central1/services?serviceId=hello", map[string]any{
		"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}}})
	r.invokers(by, func(members []any) []any { return append(members, "allUsers") })
}

// invokers changes the members of roles/run.invoker.
func (r *room) invokers(by tool, change func([]any) []any) {
	r.t.Helper()
	read := r.call(by, http.MethodGet, "/v2/"+hello.Name()+":getIamPolicy", nil)
	var members []any
	if bindings, _ := read["bindings"].([]any); len(bindings) > 0 {
		members, _ = bindings[0].(map[string]any)["members"].([]any)
	}
	r.call(by, http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{
		"etag": read["etag"], "bindings": []any{map[string]any{"role": "roles/run.invoker", "members": change(members)}}}})
}

// addAccessor lets one more member through IAP, as somebody who may administer IAP.
func (r *room) addAccessor(by tool, member string) {
	r.t.Helper()
	client := r.Owner()
	client.UserAgent = by.userAgent
	policy := r.CallAs(client, http.MethodPost, access+":getIamPolicy", map[string]any{})
	bindings, _ := policy["bindings"].([]any)
	policy["bindings"] = append(bindings,
		map[string]any{"role": "roles/iap.httpsResourceAccessor", "members": []any{member}})
	r.CallAs(client, http.MethodPost, access+":setIamPolicy", map[string]any{"policy": policy})
}

// protected is a room with an old service that is protected.
func protected(t *testing.T, iamPropagation time.Duration) *room {
	t.Helper()
	r := start(t, iamPropagation)
	r.deploy(tools[0])
	r.Balance(hello)
	for range 20 {
		if r.later(time.Minute); r.safe() {
			break
		}
	}
	r.later(time.Hour)
	if !r.safe() {
		t.Fatalf("the service is %s", r.LastOf(hello.Service).Outcome)
	}
	r.open, r.refused = map[string]int{}, 0
	return r
}
