package games

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/games/referee"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

// The accounts that may call iapguard where callers are checked, by their ids: one pushes to
// each path.
const (
	operator    = "guard-operator"
	approverOne = "guard-approver-one" // opens services, too
	approverTwo = "guard-approver-two"
)

var pushers = map[string]string{
	function.EventsPath: "guard-push-events", function.WorkPath: "guard-push-work",
	function.CommandsPath: "guard-push-commands",
}

func email(id string) string { return id + "@" + referee.Project + ".iam.gserviceaccount.com" }

func memberOf(id string) string { return "serviceAccount:" + email(id) }

// seen is what people and adversaries know of iapguard, from its reports and answers.
type seen struct {
	plans  map[string]string    // what waits for an approval, by service
	runs   map[string]string    // the last run that wrote, by service
	wrote  map[string]time.Time // when that was
	sent   []sent               // commands that were sent directly
	nonces []string             // of heartbeats
	token  string               // the last one that the operator used
}

// sent is a command that was sent directly, as reports name it.
type sent struct{ id, name, target string }

// origin is what a message, a command or an item of work came from.
type origin struct {
	published bool // somebody who may only publish sent it
	undo      bool
}

type originKey struct{}

func originOf(ctx context.Context) origin {
	found, _ := ctx.Value(originKey{}).(origin)
	return found
}

// deploy makes the service that iapguard is, as which Cloud Run checks its callers.
func (w *world) deploy() {
	cloud := cloudOf(w.guarded)
	call := func(path string, body any) {
		status, answer := cloud.Call("", http.MethodPost, path, body)
		if status != http.StatusOK && status != http.StatusConflict { // an account may be there
			w.t.Fatalf("%s: %d %v", path, status, answer)
		}
	}
	own := referee.ServicePath(playground.FunctionService)
	call(strings.TrimSuffix(own, "/"+playground.FunctionService)+"?serviceId="+playground.FunctionService, object{
		"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}}})
	var members []any
	for _, id := range []string{operator, approverOne, approverTwo, pushers[function.EventsPath],
		pushers[function.WorkPath], pushers[function.CommandsPath]} {
		call("/v1/projects/"+referee.Project+"/serviceAccounts", object{"accountId": id})
		members = append(members, memberOf(id))
	}
	call(own+":setIamPolicy", object{"policy": object{"bindings": []any{object{"role": invoker, "members": members}}}})
	dir := w.t.TempDir()
	w.holds, w.key = filepath.Join(dir, "holds.yaml"), filepath.Join(dir, "key")
	for name, text := range map[string]string{w.holds: "version: 1\n", w.key: secret} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// secret is the key of the memory's records.
const secret = "the key of the memory's records, which one adversary knows"

// checks has iapguard check who calls, as it is deployed.
func (w *world) checks(config *function.Config) {
	own := &config.Runtime
	own.Service = posture.Target{Project: referee.Project, Location: play.Region, Service: playground.FunctionService}
	own.ProjectNumber = referee.Number
	config.Callers = function.Callers{Audiences: []string{playground.FunctionAudience}, Operators: []string{email(operator)},
		Pushers: map[string][]string{}}
	for path, id := range pushers {
		config.Callers.Pushers[path] = []string{email(id)}
	}
	config.Heartbeats, config.Holds = []string{"projects/" + referee.Project}, w.holds
	if w.game.Keyed() {
		config.MemoryKey = w.key
	}
}

// passed by Cloud Run, a request has the token that is returned; else it has the status.
func (w *world) cloudRun(path, token string) (stripped string, status int) {
	host := strings.TrimPrefix(playground.FunctionAudience, "https://")
	request := httptest.NewRequest(http.MethodPost, "http://"+host+path, http.NoBody)
	request.Header.Set("X-Forwarded-Proto", "https")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	cloudOf(w.guarded).Doors.ServeHTTP(recorder, request)
	if recorder.Header().Get(judge.Reached) == "" {
		return "", recorder.Code
	}
	var received struct {
		Headers map[string]string `json:"headers"`
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &received); err != nil {
		w.t.Error(err)
	}
	return received.Headers["Authorization"], http.StatusOK
}

// token is one of an account, by its id, that says this beside what every token says.
func (w *world) token(id string, said object) string {
	now := time.Now()
	claims := object{"iss": "https://accounts.google.com", "aud": playground.FunctionAudience, "sub": id, "email": email(id),
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for name, value := range said {
		claims[name] = value
	}
	text, err := w.guarded.Tokens().Sign(claims)
	if err != nil {
		w.t.Error(err)
	}
	return text
}

// call posts to an instance of iapguard behind Cloud Run, and gives the answer.
func (w *world) call(ctx context.Context, instance int, path, token string, body []byte) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "http://localhost"+path, bytes.NewReader(body))
	if w.game.Consent {
		bearer, status := w.cloudRun(path, token)
		if bearer == "" {
			recorder.Code = status
			return recorder
		}
		request.Header.Set("Authorization", bearer)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	w.instances[instance].ServeHTTP(recorder, request.WithContext(ctx))
	return recorder
}

// next is the instance that takes the next request to a path. Where heartbeats come every
// minute, too, all commands would be one instance's if they took turns together.
func (w *world) next(path string) int {
	if !w.game.Consent {
		path = ""
	}
	w.moving.Lock()
	defer w.moving.Unlock()
	w.turns[path]++
	return w.turns[path] % len(w.instances)
}

// pushToken is the token with which messages are pushed to a path.
func (w *world) pushToken(path string) string {
	if !w.game.Consent {
		return ""
	}
	text, err := w.guarded.Tokens().Token(email(pushers[path]), playground.FunctionAudience)
	if err != nil {
		w.t.Error(err)
	}
	return text
}

// order sends a command directly, and has the referee judge what comes of it.
func (w *world) order(o referee.Order, token string, instance int, body object) {
	o.At = time.Now()
	w.moving.Lock()
	answered := w.referee.Ask(o)
	w.moving.Unlock()
	text, _ := json.Marshal(body) // strings and truths
	ctx := context.WithValue(context.Background(), originKey{}, origin{undo: o.Name == "undo" && o.May})
	answer := w.call(ctx, instance, function.CommandsPath, token, text)
	w.moving.Lock()
	defer w.moving.Unlock()
	if w.verbose != nil {
		fmt.Fprintf(w.verbose, "%s: %d %s\n", o, answer.Code, answer.Body)
	}
	answered(answer.Code, time.Now())
}

// forTime is how long people hold: so that all holds end before the last looks.
const forTime = 12 * time.Minute

func nameOf(service string) string { return strings.TrimPrefix(referee.ServicePath(service), "/v2/") }

// commands are the commands that only people send about a service, as their bodies.
func (w *world) commands(service string) []object {
	w.moving.Lock()
	defer w.moving.Unlock()
	return []object{
		{"command": "hold", "target": nameOf(service), "for": forTime.String(), "reason": "an incident"},
		{"command": "resume", "target": nameOf(service)},
		{"command": "undo", "run": w.seen.runs[service], "for": forTime.String(), "yes": true},
		{"command": "approve", "planId": w.seen.plans[service]},
		{"command": "close-breaker", "reason": "it was looked at"},
	}
}

// find is the command of that name.
func find(commands []object, name string) object {
	return commands[slices.IndexFunc(commands, func(o object) bool { return o["command"] == name })]
}

// send has an account send a command with a fresh token.
func (w *world) send1(id, service, name string, may bool) {
	time.Sleep(time.Second) // a second token of one second would be the same
	w.sendNow(id, service, find(w.commands(service), name), may)
}

func (w *world) sendNow(id, service string, body object, may bool) {
	if body["run"] == "" || body["planId"] == "" {
		return // nothing is known to undo, or to approve
	}
	o := referee.Order{By: email(id), Name: fmt.Sprint(body["command"]), Service: service, For: forTime, May: may}
	o.Plan, _ = body["planId"].(string)
	if !may {
		o.How = "who may not"
	}
	token := w.token(id, nil)
	if id == operator {
		w.moving.Lock()
		w.seen.token = token
		w.moving.Unlock()
	}
	w.order(o, token, w.next(function.CommandsPath), body)
}

// speak makes a move that is commands and messages, to iapguard alone.
func (w *world) speak(m play.Move) {
	time.Sleep(m.Pause + time.Second) // a second token of one second would be the same
	done := w.await(m.When)
	if m.Kind == consent.Hold { // it is stored before or after a write
		w.sendNow(operator, m.Service, find(w.commands(m.Service), "hold"), true)
		done()
	} else {
		done()
		w.say(m)
	}
	w.moving.Lock()
	defer w.moving.Unlock()
	w.referee.Said(m, time.Now())
	w.referee.Took(time.Now())
}

// say makes such a move while iapguard goes on.
func (w *world) say(m play.Move) {
	s := m.Service
	switch m.Kind {
	case consent.HoldAll:
		w.holdAll()
	case consent.Resume:
		w.send1(operator, s, "resume", true)
	case consent.Undo:
		w.send1(operator, s, "undo", true)
	case consent.Approve:
		w.send1(approverTwo, s, "approve", true)
	case consent.SendOrders, consent.SendAsOther:
		for _, body := range w.feigned(m) {
			text, _ := json.Marshal(body) // strings and truths
			w.deliver(origin{published: true}, function.CommandsPath, text, nil)
		}
	case consent.Replay:
		w.replay(s)
	case consent.BadTokens:
		w.badTokens(s)
	case consent.ApproveOwn:
		w.send1(approverOne, s, "hold", false)
		w.send1(approverOne, s, "undo", false)
		w.send1(approverOne, s, "approve", true) // where it caused nothing
	case consent.FreshTokens:
		w.send1(operator, s, "close-breaker", true)
		w.send1(operator, s, "approve", false)
		w.send1(operator, s, "resume", true)
	case consent.PushersTokens:
		w.usePushers(s)
	case consent.ForgeRun:
		w.forgeRun(s)
	case consent.ForgeBeat:
		w.forgeBeats(nil)
	case consent.UseKey:
		w.useKey(s)
	}
}

// holdAll puts a hold on the project into the file.
func (w *world) holdAll() {
	until := time.Now().Add(forTime).Truncate(time.Second)
	text := fmt.Sprintf("version: 1\nholds: [{target: projects/%s, until: %q, reason: an incident, by: alice}]\n",
		referee.Project, until.UTC().Format(time.RFC3339))
	if err := os.WriteFile(w.holds+".new", []byte(text), 0o600); err != nil {
		w.t.Error(err)
	}
	if err := os.Rename(w.holds+".new", w.holds); err != nil {
		w.t.Error(err)
	}
	w.moving.Lock()
	defer w.moving.Unlock()
	w.referee.HeldByFile(time.Now(), until)
}

// feigned are messages by which a publisher tries what people alone may do, or under the ids
// of what people sent.
func (w *world) feigned(m play.Move) []object {
	if m.Kind == consent.SendOrders {
		return append(w.commands(m.Service), object{"command": "apply", "target": nameOf(m.Service), "overLimit": true})
	}
	plan := find(w.commands(m.Service), "approve")["planId"]
	all := []object{
		{"command": "apply", "target": nameOf(m.Service), "planId": plan},
		{"command": "apply", "target": nameOf(m.Service), "planId": plan, "by": email(operator)},
	}
	w.moving.Lock()
	defer w.moving.Unlock()
	for _, sent := range lastOf(w.seen.sent, 3) {
		all = append(all, object{"command": "apply", "target": nameOf(m.Service), "id": sent.id},
			object{"command": "sweep", "target": "projects/" + referee.Project, "id": sent.id},
			object{"command": sent.name, "target": sent.target, "id": sent.id})
	}
	return all
}

// lastOf are the last elements.
func lastOf[T any](all []T, most int) []T { return all[max(0, len(all)-most):] }

// replay sends a command with the token that the operator used last. It counts once in the
// whole deployment; who may write the memory can delete the record of that.
func (w *world) replay(service string) {
	w.moving.Lock()
	token := w.seen.token
	w.moving.Unlock()
	if token == "" {
		return
	}
	rights := w.game.Rights
	w.order(referee.Order{By: email(operator), Name: "hold", Service: service, For: forTime, How: "with a used token",
		May: slices.Contains(rights, kind.Rewriter) || slices.Contains(rights, consent.Forger)}, token, w.next(function.CommandsPath),
		find(w.commands(service), "hold"))
}

// badTokens sends commands with tokens that let nobody command.
func (w *world) badTokens(service string) {
	now := time.Now()
	stripped := w.token(operator, nil)
	stripped = stripped[:strings.LastIndexByte(stripped, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
	bad := map[string]string{
		"nothing": "", "a removed signature": stripped,
		"an expired token":     w.token(operator, object{"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(-time.Hour).Unix()}),
		"an old token":         w.token(operator, object{"iat": now.Add(-7 * time.Minute).Unix()}),
		"another's audience":   w.token(operator, object{"aud": "https://other.example.com"}),
		"another issuer":       w.token(operator, object{"iss": "https://evil.example.com"}),
		"an unverified e-mail": w.token(operator, object{"email_verified": false}),
		"an unlisted account":  w.token("guard-stranger", nil),
	}
	for how, token := range bad {
		for _, body := range w.commands(service) {
			w.order(referee.Order{By: email(operator), Name: fmt.Sprint(body["command"]), Service: service, How: "with " + how},
				token, w.next(function.CommandsPath), body)
		}
	}
}

// usePushers posts what only people may send, with the tokens of those who push: at their own
// paths as messages, and elsewhere.
func (w *world) usePushers(service string) {
	ctx := context.WithValue(context.Background(), originKey{}, origin{published: true})
	for own, id := range pushers {
		for path := range pushers {
			for _, body := range w.commands(service) {
				text, _ := json.Marshal(body) // strings and truths
				if path == own {
					w.call(ctx, w.next(path), path, w.token(id, nil), text)
					continue
				}
				w.moving.Lock()
				answered := w.referee.Ask(referee.Order{At: time.Now(), By: email(id), Name: fmt.Sprint(body["command"]),
					Service: service, How: "at " + path})
				w.moving.Unlock()
				answer := w.call(ctx, w.next(path), path, w.token(id, nil), text)
				w.moving.Lock()
				answered(answer.Code, time.Now())
				w.moving.Unlock()
			}
		}
	}
}

// listener is the log of an instance: reports are lines of it, and so are heartbeats that are
// believed.
type listener struct {
	slog.Handler
	world *world
}

func (l listener) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l listener) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l listener) WithGroup(string) slog.Handler { return l }

// Handle reads a line.
func (l listener) Handle(ctx context.Context, line slog.Record) error {
	l.world.moving.Lock()
	defer l.world.moving.Unlock()
	said := map[string]slog.Value{}
	switch line.Message {
	case "report", "heartbeat":
		line.Attrs(func(a slog.Attr) bool { said[a.Key] = a.Value; return true })
	}
	switch one, reported := said["data"].Any().(report.Report); {
	case reported:
		l.world.reported(one, originOf(ctx))
	case line.Message == "heartbeat":
		lag := time.Duration(said["lag_seconds"].Float64() * float64(time.Second))
		l.world.referee.Heard(time.Now().Add(-lag), strings.Contains(said["key"].String(), "forged"))
	}
	if !l.Handler.Enabled(ctx, line.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, line)
}

// reported has everybody know a report.
func (w *world) reported(one report.Report, from origin) {
	claimed := referee.Report{Outcome: string(one.Outcome), Plan: one.PlanID, ApprovedBy: one.ApprovedBy,
		Published: from.published}
	if one.Target != nil {
		claimed.Service = one.Target.Service
	}
	claimed.Limited = one.Outcome == report.Held && one.WaitingFor != nil &&
		strings.HasPrefix(one.WaitingFor.What, "the hourly limit is used up")
	if one.Command != nil {
		claimed.Command, claimed.By = one.Command.Name, one.Command.By
		direct := strings.HasPrefix(one.Command.ID, "direct-")
		if direct && !slices.ContainsFunc(w.seen.sent, func(s sent) bool { return s.id == one.Command.ID }) {
			w.seen.sent = append(w.seen.sent, sent{one.Command.ID, one.Command.Name, nameOf(claimed.Service)})
		}
	}
	for _, step := range one.Steps {
		switch step.Result {
		case report.StepPlanned:
			claimed.Steps = append(claimed.Steps, referee.Step{Op: step.Op, Resource: step.Resource, Version: step.VersionBefore})
		case report.StepDone:
			w.seen.runs[claimed.Service], w.seen.wrote[claimed.Service] = one.RunID, *step.At
		}
	}
	if one.Outcome == report.Planned {
		w.seen.plans[claimed.Service] = one.PlanID
	}
	w.referee.Reported(claimed, time.Now())
}
