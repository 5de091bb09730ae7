package games

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/playground"
	policies "github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/games/referee"
	"github.com/iapguard/iapguard/test/oracle/inprocess"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

const bucket = "iapguard-memory"

// world is where one game is played: a local cloud with iapguard, and one without.
type world struct {
	t       *testing.T
	game    play.Game
	guarded *localcloud.Cloud
	alone   *localcloud.Cloud
	referee *referee.Referee
	closing chan struct{}
	// messages counts what was sent.
	messages atomic.Int64
	sending  sync.WaitGroup // messages that are on their way

	// moving is held while somebody writes and the referee looks.
	moving    sync.Mutex
	waiting   map[play.When]chan struct{} // closed before or after the next write
	instances []*function.Function
	turns     map[string]int // by path, or of all paths
	verbose   io.Writer      // nil = nobody reads the log
	seen      seen
	holds     string            // the file of holds
	key       string            // the file with the key of the memory's records
	kept      map[string][]byte // records that the adversary has copied
	tools     map[bool]object   // policies that a tool has read, with iapguard and without
	refused   map[bool]int      // the status of what the tool wrote
}

// accounts are those of the rights.
var accounts = map[kind.Right]string{
	kind.Deployer: "user:deployer@corp.example.com", kind.Balancer: "user:balancer@corp.example.com",
	kind.IAPAdmin: "user:iapadmin@corp.example.com", kind.LogWriter: "user:logwriter@corp.example.com",
	kind.Rewriter: "user:rewriter@corp.example.com", consent.People: memberOf(approverOne),
}

var roles = map[kind.Right]string{
	kind.Deployer: "roles/run.admin", kind.Balancer: "roles/compute.loadBalancerAdmin", kind.IAPAdmin: "roles/iap.admin",
	kind.LogWriter: "roles/logging.logWriter", kind.Rewriter: "roles/storage.objectAdmin",
	consent.People: "roles/run.admin",
}

// newCloud starts a local cloud. publish gets what its log sink selects; nil = it has none.
func (w *world) newCloud(publish func([]byte, map[string]string)) *localcloud.Cloud {
	shipped, err := playground.ShippedRoles()
	if err != nil {
		w.t.Fatal(err)
	}
	options := localcloud.Options{OperationTime: -1, PubSub: &broker{}, IAMPropagation: w.game.Delay,
		Roles: playground.EveryRole(shipped), Grants: playground.FunctionGrants(shipped)}
	options.Grants = append(options.Grants,
		resourcemanager.Grant{Role: "roles/iam.serviceAccountUser", Member: accounts[kind.Deployer]})
	for right, role := range roles {
		options.Grants = append(options.Grants, resourcemanager.Grant{Role: role, Member: accounts[right]})
	}
	if publish != nil {
		options.Publish = func(_ context.Context, _ string, data []byte, attributes map[string]string) error {
			publish(data, attributes)
			return nil
		}
	}
	made := localcloud.New(options)
	w.t.Cleanup(made.Close)
	if publish != nil {
		sink := logging.Sink{Name: "iapguard-events", Filter: playground.EventsFilter, Topic: playground.EventsTopic}
		if err := made.Logs().AddSink(sink); err != nil {
			w.t.Fatal(err)
		}
	}
	return made
}

func cloudOf(c *localcloud.Cloud) referee.Cloud {
	return referee.Cloud{World: judge.World{API: c, Doors: inprocess.Doors(c.DataPlane())}}
}

// old is how old services are when iapguard begins.
const old = 2 * time.Hour

// newWorld builds the start of a game. What happens before iapguard begins sends no event.
func newWorld(t *testing.T, game play.Game, verbose io.Writer) *world {
	t.Helper()
	w := &world{t: t, game: game, closing: make(chan struct{}), verbose: verbose, waiting: map[play.When]chan struct{}{},
		tools: map[bool]object{}, refused: map[bool]int{}, turns: map[string]int{},
		seen: seen{plans: map[string]string{}, runs: map[string]string{}, wrote: map[string]time.Time{}}}
	w.guarded = w.newCloud(func(data []byte, attributes map[string]string) { w.send("/", data, attributes) })
	w.alone = w.newCloud(nil)
	for _, each := range []*localcloud.Cloud{w.guarded, w.alone} {
		cloud := cloudOf(each)
		if err := cloud.Build(game.Estate()); err != nil {
			t.Fatal(err)
		}
		status, answer := cloud.Call("", http.MethodPost, "/storage/v1/b?project="+referee.Project,
			referee.Object{"name": bucket, "versioning": referee.Object{"enabled": true}})
		if status != http.StatusOK {
			t.Fatalf("making the bucket: %d %v", status, answer)
		}
	}
	for _, s := range game.Services {
		for _, each := range []*localcloud.Cloud{w.guarded, w.alone} {
			if s.Absent && s.Balanced {
				mover{w, cloudOf(each), false}.balance(play.Move{Kind: kind.Balance, Service: s.Name})
			}
		}
	}
	if game.Consent {
		w.deploy()
	}
	time.Sleep(old)
	w.referee = referee.New(game, cloudOf(w.guarded), cloudOf(w.alone), time.Now())
	services, addresses := w.referee.Used()
	for i, service := range services {
		for _, each := range []*localcloud.Cloud{w.guarded, w.alone} {
			mover{w, cloudOf(each), false}.requests("", service, addresses[i]+"/", http.StatusOK)
		}
	}
	for range game.Instances {
		w.instances = append(w.instances, w.instance())
	}
	return w
}

// policyOf is the policy of a game.
func policyOf(game play.Game) string {
	policy := "version: 1\n"
	for _, s := range game.Services {
		if s.Exempt {
			policy += fmt.Sprintf("exemptions: [{services: [%q], reason: it cannot sign in, owner: its team, ticket: SEC-17, "+
				"expires: %s}]\n", strings.TrimPrefix(referee.ServicePath(s.Name), "/v2/"),
				begins.AddDate(0, 0, 30).Format(time.DateOnly))
		}
	}
	policy += fmt.Sprintf("rules:\n  - name: everything\n    mode: %s\n    access: {members: [%q]}\n",
		cmp.Or(when(game.Approve, "approve"), "enforce"), cmp.Or(game.Named, play.Alice))
	// Games have what the policy has keys and words for.
	for _, key := range []string{when(game.Private != "", "private: "+game.Private),
		when(game.Stuck, "whenStuck: {after: 30m, do: close}"),
		when(game.Limit > 0, fmt.Sprintf("limits: {perProject: %d}", game.Limit)),
		when(game.Consent, fmt.Sprintf("approvers: [%q, %q]", memberOf(approverOne), memberOf(approverTwo)))} {
		if key == "" {
			continue
		}
		further := policy + "    " + key + "\n"
		if _, err := policies.Parse([]byte(further), time.Now()); err == nil {
			policy = further
		}
	}
	return policy
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// instance is one of iapguard, as it is deployed.
func (w *world) instance() *function.Function {
	w.t.Helper()
	config, err := function.ReadConfig(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	config.Self, config.Connect.Self = playground.FunctionAccount, playground.FunctionAccount
	config.Connect.Endpoint, config.Memory = "http://localhost", "gs://"+bucket
	config.Connect.Wrap = func(http.RoundTripper) http.RoundTripper { return w }
	config.PolicyText = []byte(policyOf(w.game))
	config.Clock = clockwork.NewRealClock() // the bubble's
	config.Queue = &queue{workqueue.NewAcceptance(config.Clock, function.GiveUpAfter), w}
	log := slog.DiscardHandler
	if w.verbose != nil {
		log = slog.NewTextHandler(w.verbose, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == "data" || a.Key == "stack_trace" {
					return slog.Attr{} // too long to read
				}
				return a
			}})
	}
	if w.game.Consent {
		w.checks(&config)
		log = listener{log, w}
	}
	made, err := function.New(w.t.Context(), config, slog.New(log))
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// queue is the work topic.
type queue struct {
	acceptance *workqueue.Acceptance
	world      *world
}

// Add has an item pushed.
func (q *queue) Add(ctx context.Context, item workqueue.Item) error {
	item = q.acceptance.Stamp(item)
	from := originOf(ctx)
	from.undo = false // what is looked at afterwards takes nothing back
	q.world.deliver(from, "/work", item.Payload, item.Attributes())
	return nil
}

// latency is how long a message is on its way, and retry the pause before its next delivery.
const (
	latency = time.Second
	retry   = 10 * time.Second
)

// mostDeliveries is how often a message is delivered.
const mostDeliveries = 100

// send has a message pushed to iapguard until it is acknowledged.
func (w *world) send(path string, data []byte, attributes map[string]string) {
	w.deliver(origin{}, path, data, attributes)
}

// deliver has a message of some origin pushed.
func (w *world) deliver(from origin, path string, data []byte, attributes map[string]string) {
	if w.instances == nil {
		return
	}
	body, err := json.Marshal(referee.Object{"message": referee.Object{"data": data, "attributes": attributes,
		"messageId": fmt.Sprint(w.messages.Add(1))}})
	if err != nil {
		w.t.Error(err)
		return
	}
	wait := latency
	if path == "/work" {
		wait = latency / 10
	}
	ctx := context.WithValue(context.Background(), originKey{}, from)
	w.sending.Go(func() {
		for range mostDeliveries {
			select {
			case <-w.closing:
				return
			case <-time.After(wait):
			}
			if w.call(ctx, w.next(path), path, w.pushToken(path), body).Code < 300 {
				return
			}
			wait = retry
		}
	})
}

// command sends a command as Cloud Scheduler does.
func (w *world) command(name string) {
	text := `{"command":"` + name + `"`
	if name != "due" {
		text += `,"target":"projects/` + referee.Project + `"`
	}
	w.send("/commands", []byte(text+"}"), nil)
}

// beats notes a heartbeat that iapguard writes.
func (w *world) beats(request *http.Request) {
	if !w.game.Consent || !strings.HasSuffix(request.URL.Path, "/entries:write") {
		return
	}
	text, err := io.ReadAll(request.Body)
	if err != nil {
		w.t.Error(err)
	}
	request.Body = io.NopCloser(bytes.NewReader(text))
	var written struct {
		Entries []struct {
			JSONPayload struct{ Nonce string } `json:"jsonPayload"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(text, &written); err != nil || len(written.Entries) != 1 {
		w.t.Errorf("a heartbeat is %s: %v", text, err)
		return
	}
	w.moving.Lock()
	defer w.moving.Unlock()
	w.seen.nonces = append(w.seen.nonces, written.Entries[0].JSONPayload.Nonce)
	w.referee.Beat(time.Now())
}

// RoundTrip answers a call of iapguard. Moves that wait for a write come before or after it.
func (w *world) RoundTrip(request *http.Request) (*http.Response, error) {
	if !isWrite(request) {
		w.beats(request)
		answer, err := inprocess.Transport{Handler: w.guarded}.RoundTrip(request)
		w.reads(request, answer)
		return answer, err
	}
	w.moment(play.BeforeWrite)
	began := time.Now()
	time.Sleep(w.game.Slow)
	answer, err := w.write(request, began)
	w.moment(play.AfterWrite)
	return answer, err
}

// isWrite reports whether a call writes a resource; what is kept in the memory is none.
func isWrite(request *http.Request) bool {
	path := request.URL.Path
	switch {
	case request.Method == http.MethodGet, strings.Contains(path, "/storage/v1/"), strings.Contains(path, "/upload/"):
		return false
	case request.Method == http.MethodPost:
		return strings.HasSuffix(path, ":setIamPolicy") || strings.HasSuffix(path, ":generateServiceIdentity")
	}
	return true
}

// write makes a write, which the referee judges.
func (w *world) write(request *http.Request, began time.Time) (*http.Response, error) {
	var text []byte
	if request.Body != nil {
		var err error
		if text, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}
	request.Body = io.NopCloser(bytes.NewReader(text))
	w.moving.Lock()
	defer w.moving.Unlock()
	written := referee.Write{At: began, Method: request.Method, Path: request.URL.RequestURI(),
		Undo: originOf(request.Context()).undo}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &written.Body); err != nil {
			return nil, fmt.Errorf("reading what iapguard writes: %w", err)
		}
	}
	written.Before = written.Read(w.referee.Guarded)
	answer, err := inprocess.Transport{Handler: w.guarded}.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	written.Status, written.After = answer.StatusCode, written.Read(w.referee.Guarded)
	w.referee.Wrote(written, time.Now())
	w.later()
	return answer, nil
}

// moment lets the move go on that waits for it, and waits until it was made.
func (w *world) moment(which play.When) {
	w.moving.Lock()
	waits := w.waiting[which]
	delete(w.waiting, which)
	w.moving.Unlock()
	if waits != nil {
		waits <- struct{}{}
		<-waits // it was made
	}
}

// await waits for a moment, at most for the adversary's patience. done is called when the
// move was made.
func (w *world) await(which play.When) (done func()) {
	if which == play.AtOnce {
		return func() {}
	}
	mine := make(chan struct{})
	w.moving.Lock()
	w.waiting[which] = mine
	w.moving.Unlock()
	select {
	case <-mine:
		return func() { mine <- struct{}{} }
	case <-time.After(play.Patience):
	}
	w.moving.Lock()
	defer w.moving.Unlock()
	if w.waiting[which] == mine {
		delete(w.waiting, which)
		return func() {}
	}
	<-mine // somebody took it just now
	return func() { mine <- struct{}{} }
}

// move makes one move in both clouds.
func (w *world) move(m play.Move) {
	if consent.Has(m.Kind) && m.Kind != consent.ApproverOpen {
		if w.game.Consent {
			w.speak(m)
		}
		return
	}
	time.Sleep(m.Pause)
	done := w.await(m.When)
	w.moving.Lock()
	for _, each := range []*localcloud.Cloud{w.guarded, w.alone} {
		mover{w, cloudOf(each), each == w.guarded}.make(m)
	}
	w.referee.Moved(m, when(m.Kind == consent.ApproverOpen, email(approverOne)), time.Now())
	if m.Kind == toolAllows {
		w.referee.Tool(w.refused[true], w.refused[false])
	}
	w.later()
	w.moving.Unlock()
	done()
}

// later has the referee look again when what was changed is in effect.
func (w *world) later() {
	if w.game.Delay == 0 {
		return
	}
	w.sending.Go(func() {
		select {
		case <-w.closing:
			return
		case <-time.After(w.game.Delay + time.Millisecond):
		}
		w.moving.Lock()
		defer w.moving.Unlock()
		w.referee.Took(time.Now())
	})
}

// passed has the referee judge that time has passed.
func (w *world) passed() {
	w.moving.Lock()
	defer w.moving.Unlock()
	w.referee.Passed(time.Now())
}

// scheduled sends the command due every minute, as Cloud Scheduler does, and has the
// referee look.
func (w *world) scheduled() {
	w.sending.Go(func() {
		for {
			select {
			case <-w.closing:
				return
			case <-time.After(time.Minute):
			}
			w.command("due")
			w.passed()
		}
	})
}

// close ends the world.
func (w *world) close() error {
	close(w.closing)
	w.sending.Wait()
	var problems []error
	for _, each := range w.instances {
		problems = append(problems, each.Close())
	}
	return errors.Join(problems...)
}

// body answers a request to the guarded cloud with its body alone.
func (w *world) body(request *http.Request) []byte {
	request.RequestURI, request.RemoteAddr = request.URL.RequestURI(), "127.0.0.1:1"
	request.Body = http.NoBody
	recorder := httptest.NewRecorder()
	w.guarded.ServeHTTP(recorder, request)
	return recorder.Body.Bytes()
}
