package games

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/games/referee"
)

// forgedRun is a run that never was. An operator who believes it has it undone.
const forgedRun = "forged-run"

// claims are steps that would open a service if they were taken back, as the service is.
func (w *world) claims(service string) []plan.Step {
	cloud := cloudOf(w.guarded)
	name, backend := nameOf(service), play.Backend(service)
	_, found := cloud.Call("", http.MethodGet, referee.ServicePath(service), nil)
	_, balancer := cloud.Call("", http.MethodGet, referee.ComputePath("backendServices/"+backend), nil)
	policy := func(resource string) string { return fmt.Sprint(cloud.Policy(resource)["etag"]) }
	step := func(resource, version string, change plan.Change) plan.Step {
		return plan.Step{Resource: resource, Version: version, Change: change}
	}
	invokers := policy(referee.ServicePath(service))
	return []plan.Step{
		step(name, invokers, plan.RevokePublic{Role: invoker, Members: []string{"allUsers"}}),
		step(name, invokers, plan.RevokePublic{Role: invoker, Members: []string{"allAuthenticatedUsers"}}),
		step(name, fmt.Sprint(found["etag"]), plan.RestrictIngress{From: posture.IngressAll,
			To: posture.IngressInternalLoadBalancing}),
		step("projects/"+referee.Project+"/global/backendServices/"+backend, fmt.Sprint(balancer["fingerprint"]),
			plan.EnableIAP{}),
		step(name, invokers, plan.GrantInvoker{Role: invoker,
			Member: "serviceAccount:service-" + referee.Number + "@gcp-sa-iap.iam.gserviceaccount.com"}),
	}
}

// forgeRun writes into the memory that iapguard took steps which it never took, in each of its
// records that says so, and has an operator undo them.
func (w *world) forgeRun(service string) {
	cloud := cloudOf(w.guarded)
	_, found := cloud.Call("", http.MethodGet, referee.ServicePath(service), nil)
	forger := mover{w, cloud, true}
	w.moving.Lock()
	at := w.seen.wrote[service]
	w.moving.Unlock()
	if at.IsZero() {
		at = time.Now()
	}
	for i, claimed := range w.claims(service) {
		run := fmt.Sprint(forgedRun, i)
		done := report.StepOf(claimed, report.StepDone)
		done.At, done.VersionAfter = &at, claimed.Version
		forger.seal("plan/"+run, object{"sequence": 1, "writtenAt": at, "run": run, "service": nameOf(service),
			"uid": found["uid"], "steps": []any{done}})
		words := claimed.Words()
		for _, name := range forger.records("/" + service) {
			record := unseal(forger.read(name))
			if record == nil {
				continue
			}
			wrote, _ := record["wrote"].([]any)
			record["wrote"] = append(wrote, object{"run": run, "op": done.Op, "resource": done.Resource, "field": words.Field,
				"value": words.To, "version": claimed.Version, "at": at})
			forger.seal(name, record)
		}
		time.Sleep(time.Second) // a second token of one second would be the same
		w.sendNow(operator, service, object{"command": "undo", "run": run, "for": forTime.String(), "yes": true}, true)
	}
}

// seal stores a record, without a MAC.
func (m mover) seal(name string, record object) {
	text, err := json.Marshal(object{"format": 1, "record": record})
	if err != nil {
		m.world.t.Error(err)
	}
	m.store(name, text)
}

func unseal(data []byte) object {
	var sealed struct {
		Record object `json:"record"`
	}
	_ = json.Unmarshal(data, &sealed) // other texts have no record
	return sealed.Record
}

// forgeBeats writes heartbeats into the log, and publishes them: with nonces that were seen
// long ago or at another place, or that a key signs. A nonce that is repeated in time is
// believed.
func (w *world) forgeBeats(signed []string) {
	w.moving.Lock()
	fresh := append([]string{fmt.Sprint(time.Now().Unix()), fmt.Sprintf("%d.00", time.Now().Unix())}, signed...)
	var published []string
	for _, nonce := range w.seen.nonces {
		at, _, _ := strings.Cut(nonce, ".")
		var seconds int64
		if _, err := fmt.Sscan(at, &seconds); err == nil && time.Since(time.Unix(seconds, 0)) > 16*time.Minute {
			fresh = append(fresh, nonce)
		}
		published = append(published, nonce)
	}
	w.moving.Unlock()
	for i, nonce := range append(fresh, published...) {
		if i < len(fresh) {
			cloudOf(w.guarded).Call(accounts[kind.LogWriter], http.MethodPost, "/v2/entries:write", object{
				"logName":  "projects/" + referee.Project + "/logs/" + url.PathEscape("iapguard-heartbeat"),
				"resource": object{"type": "global"},
				"entries": []any{object{"insertId": fmt.Sprintf("forged%d%d", time.Now().UnixNano(), i),
					"jsonPayload": object{"iapguard": "heartbeat", "nonce": nonce}}}})
		}
		text, _ := json.Marshal(object{"iapguard": "heartbeat", "nonce": nonce}) // strings
		w.deliver(origin{published: true}, "/", text, nil)
	}
}

// useKey tries what the key of the memory's records does not open.
func (w *world) useKey(service string) {
	made := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "https://accounts.google.com",
		"aud": playground.FunctionAudience, "sub": operator, "email": email(operator), "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	token, err := made.SignedString([]byte(secret))
	if err != nil {
		w.t.Error(err)
	}
	for _, body := range w.commands(service) {
		w.order(referee.Order{By: email(operator), Name: fmt.Sprint(body["command"]), Service: service,
			How: "with the memory's key"}, token, w.next(function.CommandsPath), body)
	}
	at := fmt.Sprint(time.Now().Unix())
	w.forgeBeats([]string{at + "." + signedBy(secret, "projects/"+referee.Project+"\n"+at)})
}

// signedBy is the HMAC of a text.
func signedBy(key, text string) string {
	hash := hmac.New(sha256.New, []byte(key))
	hash.Write([]byte(text))
	return hex.EncodeToString(hash.Sum(nil))
}
