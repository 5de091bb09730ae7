package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// The accounts of these tests.
const (
	pusher   = playground.PushAccount
	operator = playground.OperatorAccount
	approver = "approver@guard-prod.iam.gserviceaccount.com"
	stranger = "stranger@evil.iam.gserviceaccount.com"
	address  = "https://iapguard.example.com"
)

// checkedBench is a function that checks who calls, away from Cloud Run.
func checkedBench(t *testing.T, policy string, environ ...string) *bench {
	t.Helper()
	return startBench(t, checkedConfig(t, policy, environ...))
}

func checkedConfig(t *testing.T, policy string, environ ...string) benchSetup {
	t.Helper()
	return benchConfig(t, policy, append([]string{"IAPGUARD_CALLERS_EVENTS=" + pusher, "IAPGUARD_CALLERS_WORK=worker@guard-prod" +
		".iam.gserviceaccount.com", "IAPGUARD_CALLERS_COMMANDS=" + pusher, "IAPGUARD_OPERATORS=" + operator,
		"IAPGUARD_AUDIENCE=" + address}, environ...)...)
}

// token is a token that says this, beside what every token says.
func (b *bench) token(t *testing.T, email string, said map[string]any) string {
	t.Helper()
	now := b.Now()
	claims := map[string]any{"iss": "https://accounts.google.com", "aud": address, "sub": "1", "email": email,
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for name, value := range said {
		claims[name] = value
	}
	text, err := b.Cloud.Tokens().Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// send posts a body to a path, and gives the answer.
func (b *bench) send(path, token, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, request)
	return answer
}

// stripped is a token as Cloud Run hands it to a container.
func stripped(text string) string {
	return text[:strings.LastIndexByte(text, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
}

func TestEachPathTakesTheTokensOfItsOwnCallers(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy())
	signed := func(email string, said map[string]any) string { return b.token(t, email, said) }
	const heartbeat = `{"iapguard":"heartbeat"}`
	for _, tc := range []struct {
		name, path, token string
		want              int
	}{
		{"a message of the account that pushes", "/", signed(pusher, nil), http.StatusNoContent},
		{"made out to the path", "/", signed(pusher, map[string]any{"aud": address + "/"}), http.StatusNoContent},
		{"no token", "/", "", http.StatusUnauthorized},
		{"the right account at the wrong path", "/work", signed(pusher, nil), http.StatusForbidden},
		{"another account", "/", signed(stranger, nil), http.StatusForbidden},
		{"another account at the commands", "/commands", signed(stranger, nil), http.StatusForbidden},
		{"an operator among the events", "/", signed(operator, nil), http.StatusForbidden},
		{"made out to somebody else", "/", signed(pusher, map[string]any{"aud": "https://other.example.com"}),
			http.StatusUnauthorized},
		{"made out to another path", "/", signed(pusher, map[string]any{"aud": address + "/work"}), http.StatusUnauthorized},
		{"expired", "/", signed(pusher, map[string]any{"exp": b.Now().Add(-time.Hour).Unix()}), http.StatusUnauthorized},
		{"without its signature", "/", stripped(signed(pusher, nil)), http.StatusUnauthorized},
		{"an address that is not verified", "/", signed(pusher, map[string]any{"email_verified": false}), http.StatusUnauthorized},
	} {
		if got := b.send(tc.path, tc.token, heartbeat); got.Code != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, got.Code, got.Body, tc.want)
		}
	}
	health := httptest.NewRecorder()
	b.ServeHTTP(health, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if health.Code != http.StatusOK {
		t.Errorf("/healthz: %d, want it open", health.Code)
	}
	both := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(heartbeat))
	both.Header.Set("Authorization", "Bearer "+signed(pusher, nil))
	both.Header.Set("X-Serverless-Authorization", "Bearer "+signed(stranger, nil))
	answer := httptest.NewRecorder()
	if b.ServeHTTP(answer, both); answer.Code != http.StatusForbidden {
		t.Errorf("two tokens: %d, want the one of X-Serverless-Authorization to count", answer.Code)
	}
}

func TestCommandsNeedAFreshTokenThatWasNotUsed(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy())
	const sweep = `{"command":"resume","target":"projects/demo-project"}`
	old := b.token(t, operator, map[string]any{"iat": b.Now().Add(-6 * time.Minute).Unix()})
	if got := b.send("/commands", old, sweep); got.Code != http.StatusUnauthorized || !strings.Contains(got.Body.String(), "5m") {
		t.Errorf("an old token: %d %s", got.Code, got.Body)
	}
	ahead := b.token(t, operator, map[string]any{"iat": b.Now().Add(6 * time.Minute).Unix()})
	if got := b.send("/commands", ahead, sweep); got.Code != http.StatusUnauthorized {
		t.Errorf("a token of the future: %d %s", got.Code, got.Body)
	}
	fresh := b.token(t, operator, nil)
	if got := b.send("/commands", fresh, sweep); got.Code != http.StatusBadRequest { // nothing is held
		t.Errorf("a fresh token: %d %s", got.Code, got.Body)
	}
	if got := b.send("/commands", fresh, sweep); got.Code != http.StatusUnauthorized ||
		!strings.Contains(got.Body.String(), "used") {
		t.Errorf("the same token again: %d %s", got.Code, got.Body)
	}
}

func TestBehindCloudRunCallersAreBelievedWhileItChecksThem(t *testing.T) {
	onCloudRun(t, "projects/123456789012/regions/us-central1")
	b := newBench(t, cloudtest.Policy(), "K_SERVICE=hello", "IAPGUARD_CALLERS_EVENTS="+pusher, "IAPGUARD_AUDIENCE="+address)
	b.Call(http.MethodPost, "/v1/projects/"+playground.Project+"/serviceAccounts", map[string]any{"accountId": "iapguard-push"})
	grant := func(role string, members ...any) {
		b.Call(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy", map[string]any{"policy": map[string]any{
			"bindings": []any{map[string]any{"role": "roles/run.invoker", "members": []any{"serviceAccount:" + pusher}},
				map[string]any{"role": role, "members": members}}}})
	}
	policy := func(members ...any) { grant("roles/run.invoker", members...) }
	check := func(off bool) {
		b.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=invokerIamDisabled", map[string]any{"invokerIamDisabled": off})
	}
	deliver := func() int {
		b.Later(6 * time.Minute)
		return b.send("/", stripped(b.token(t, pusher, nil)), `{"iapguard":"heartbeat"}`).Code
	}
	for _, tc := range []struct {
		name string
		set  func()
		want int
	}{
		{"only who pushes may invoke it", func() { policy("serviceAccount:" + pusher) }, http.StatusNoContent},
		{"everybody may invoke it", func() { policy("serviceAccount:"+pusher, "allUsers") }, http.StatusServiceUnavailable},
		{"who is not listed may invoke it", func() { policy("serviceAccount:"+pusher, "user:dev@example.com") },
			http.StatusServiceUnavailable},
		{"who deploys it may invoke it too", func() { grant("roles/run.developer", "user:dev@example.com") },
			http.StatusNoContent},
		{"everybody may deploy it", func() { grant("roles/run.developer", "allUsers") }, http.StatusServiceUnavailable},
		{"only who pushes may again", func() { policy("serviceAccount:" + pusher) }, http.StatusNoContent},
		{"the check is off", func() { check(true) }, http.StatusServiceUnavailable},
		{"the check is on again", func() { check(false) }, http.StatusNoContent},
	} {
		tc.set()
		if got := deliver(); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestTheStartFailsWhereNobodyCouldCall(t *testing.T) {
	onCloudRun(t, "projects/123456789012/regions/us-central1")
	config, err := ReadConfig([]string{"K_SERVICE=hello", "IAPGUARD_SELF=" + playground.FunctionAccount})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), config, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "IAPGUARD_CALLERS_EVENTS") {
		t.Errorf("error %v, want one that names what is missing", err)
	}
	_, err = ReadConfig([]string{"IAPGUARD_OPERATORS=nobody, " + pusher, "IAPGUARD_CALLERS_WORK=" + pusher})
	if err == nil || !strings.Contains(err.Error(), "nobody") || !strings.Contains(err.Error(), "take two accounts") {
		t.Errorf("error %v, want both wrong values named", err)
	}
}

// order sends a command as an account, and gives status and answer.
func (b *bench) order(t *testing.T, by, body string) (int, Answer) {
	t.Helper()
	b.Later(time.Second) // a second token of one second would be the same
	got := b.send(CommandsPath, b.token(t, by, nil), body)
	var answer Answer
	if strings.HasPrefix(got.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return got.Code, answer
}

func TestDirectCommandsNeedTheirAccount(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("approvers: [\"serviceAccount:"+approver+"\"]"))
	const held = `{"command":"hold","target":"projects/demo-project","for":"2h","reason":"an incident"}`
	for _, tc := range []struct {
		name, by, body string
		want           int
		says           string
	}{
		{"an approver holds", approver, held, http.StatusForbidden, "IAPGUARD_OPERATORS"},
		{"an operator holds", operator, held, http.StatusOK, ""},
		{"for too long", operator, strings.Replace(held, "2h", "876000h", 1), http.StatusBadRequest, "--for"},
		{"without a reason", operator, strings.Replace(held, "an incident", "", 1), http.StatusBadRequest, "reason"},
		{"what is not known", operator, `{"command":"destroy"}`, http.StatusBadRequest, "unknown"},
		{"with what it does not take", operator, `{"command":"resume","target":"projects/demo-project","yes":true}`,
			http.StatusBadRequest, "takes no yes"},
		{"with the same member twice", operator, `{"command":"resume","command":"undo"}`, http.StatusBadRequest, "duplicate"},
		{"the hold is lifted", operator, `{"command":"resume","target":"projects/demo-project"}`, http.StatusOK, ""},
		{"a plan that is not known", approver, `{"command":"approve","planId":"0123456789abcdef"}`, http.StatusNotFound, "no plan"},
		{"a run that is not known", operator, `{"command":"undo","run":"r","yes":true}`, http.StatusNotFound, "run"},
		{"the breaker is closed", operator, `{"command":"close-breaker","reason":"looked at"}`, http.StatusOK, ""},
	} {
		code, answer := b.order(t, tc.by, tc.body)
		if code != tc.want || !strings.Contains(answer.Error, tc.says) || answer.By != tc.by {
			t.Errorf("%s: %d %+v, want %d and %q", tc.name, code, answer, tc.want, tc.says)
		}
	}
}

func TestAPlanIsCarriedOutOnceAnApproverAgrees(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("mode: approve", "approvers: [\"serviceAccount:"+approver+"\"]"))
	plan := func(id string) report.Report {
		body := `{"command":"plan","id":"` + id + `","target":"` + hello.Name() + `"}`
		if got := b.send(CommandsPath, b.token(t, pusher, nil), body); got.Code != http.StatusNoContent {
			t.Fatalf("plan: %d %s", got.Code, got.Body)
		}
		return b.lastOn(hello.Name())
	}
	apply := func(by, planID string) report.Report {
		body := `{"command":"apply","id":"a` + planID + `","planId":"` + planID + `","target":"` + hello.Name() + `"}`
		if got := b.send(CommandsPath, b.token(t, by, nil), body); got.Code != http.StatusNoContent {
			t.Fatalf("apply: %d %s", got.Code, got.Body)
		}
		return b.lastOn(hello.Name())
	}
	planned := plan("first")
	if planned.Outcome != report.Planned || planned.PlanID == "" {
		t.Fatalf("%s of plan %q, want planned", planned.Outcome, planned.PlanID)
	}
	if got := apply(pusher, planned.PlanID); got.Outcome != report.Planned || len(b.Calls().Own().Writes()) > 0 {
		t.Errorf("apply over Pub/Sub: %s, want planned and nothing written", got.Outcome)
	}
	approve := `{"command":"approve","planId":"` + planned.PlanID + `"}`
	if code, answer := b.order(t, operator, approve); code != http.StatusForbidden {
		t.Errorf("who is no approver: %d %+v", code, answer)
	}
	code, answer := b.order(t, approver, approve)
	if code != http.StatusOK {
		t.Fatalf("approve: %d %+v", code, answer)
	}
	final := b.lastOn(hello.Name())
	if final.Outcome != report.Protected || final.ApprovedBy != approver || final.Command == nil ||
		final.Command.Name != "approve" || final.Command.By != approver || final.Command.PlanID != planned.PlanID {
		t.Errorf("%s, approved by %q, command %+v; want protected", final.Outcome, final.ApprovedBy, final.Command)
	}
	if code, answer := b.order(t, approver, approve); code != http.StatusConflict || !strings.Contains(answer.Error, "any more") {
		t.Errorf("approved twice: %d %+v", code, answer)
	}
	if diff := cmp.Diff([]string(nil), answer.Said[1:]); diff != "" && len(answer.Said) > 1 {
		t.Errorf("more was said (-want +got):\n%s", diff)
	}
}

func TestAStolenTokenDoesWhatItsAccountMay(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("mode: approve", "approvers: [\"serviceAccount:"+approver+"\"]"))
	plan := `{"command":"plan","id":"p","target":"` + hello.Name() + `"}`
	if got := b.send(CommandsPath, b.token(t, pusher, nil), plan); got.Code != http.StatusNoContent {
		t.Fatalf("plan: %d %s", got.Code, got.Body)
	}
	planID := b.lastOn(hello.Name()).PlanID
	forged := map[string]map[string]any{
		"as it is": nil, "for somebody else": {"aud": "https://other.example.com"}, "expired": {"exp": 1},
		"issued long ago": {"iat": 1}, "by another issuer": {"iss": "https://evil.example.com"},
		"with an address that is not verified": {"email_verified": false},
	}
	for _, account := range []string{pusher, "worker@guard-prod.iam.gserviceaccount.com", approver, operator, stranger} {
		for _, path := range []string{EventsPath, WorkPath, CommandsPath} {
			for how, claims := range forged {
				for _, body := range []string{
					`{"command":"hold","target":"projects/demo-project","for":"1h","reason":"r"}`,
					`{"command":"close-breaker","reason":"r"}`, `{"command":"undo","run":"r","yes":true}`,
					`{"command":"approve","planId":"` + planID + `"}`,
					`{"command":"apply","planId":"` + planID + `","target":"` + hello.Name() + `"}`,
				} {
					if how == "as it is" && path == CommandsPath && (account == operator || account == approver) {
						continue // the only ones who may: TestDirectCommandsNeedTheirAccount
					}
					b.Later(time.Second)
					if got := b.send(path, b.token(t, account, claims), body); got.Code == http.StatusOK {
						t.Errorf("a token of %s, %s, with %s at %s: %s", account, how, body, path, got.Body)
					}
				}
			}
		}
	}
	known, err := b.memory.Deployment(t.Context())
	if err != nil && !errors.Is(err, memory.ErrMissing) || len(known.Placed) > 0 || !known.Breaker.ClosedAt.IsZero() ||
		len(b.Calls().Own().Writes()) > 0 {
		t.Errorf("%d holds, breaker closed at %s, writes %v, %v; want nothing done", len(known.Placed), known.Breaker.ClosedAt,
			b.Calls().Own().Writes(), err)
	}
	offer, err := b.memory.Offer(t.Context(), planID)
	if err != nil || offer.Service != hello.Name() {
		t.Errorf("the plan is not offered any more: %+v, %v", offer, err)
	}
}

func TestWhoCausedAPlanDoesNotApproveIt(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("mode: approve", "approvers: [\"serviceAccount:"+approver+"\", \"serviceAccount:"+
		operator+"\"]"))
	cause := event.Cause{Kind: event.RunServiceChanged, Key: "k", Principal: strings.ToUpper(approver[:1]) + approver[1:],
		At: b.Now()}
	if err := b.dispatch(t.Context(), cause, []posture.Target{hello}); err != nil {
		t.Fatal(err)
	}
	planID := b.lastOn(hello.Name()).PlanID
	approve := `{"command":"approve","planId":"` + planID + `"}`
	code, answer := b.order(t, approver, approve)
	if code != http.StatusForbidden || !strings.Contains(answer.Error, "somebody else") {
		t.Errorf("who caused it: %d %+v", code, answer)
	}
	b.Later(25 * time.Hour)
	if code, answer = b.order(t, operator, approve); code != http.StatusConflict || !strings.Contains(answer.Error, "24h") {
		t.Errorf("a day later: %d %+v", code, answer)
	}
	if writes := b.Calls().Own().Writes(); len(writes) > 0 {
		t.Errorf("written: %v", writes)
	}
	plan := `{"command":"plan","id":"again","target":"` + hello.Name() + `"}`
	if got := b.send(CommandsPath, b.token(t, pusher, nil), plan); got.Code != http.StatusNoContent {
		t.Fatalf("plan: %d %s", got.Code, got.Body)
	}
	if code, answer = b.order(t, operator, approve); code != http.StatusOK {
		t.Errorf("planned again: %d %+v", code, answer)
	}
}

func TestWhoCausedALookThatOthersLedToApprovesNothing(t *testing.T) {
	b := checkedBench(t, cloudtest.Policy("mode: approve", "approvers: [\"serviceAccount:"+approver+"\"]"))
	look, at := b.worker.Look, b.Now()
	b.worker.Look = func(ctx context.Context, item workqueue.Item, since time.Time) (time.Time, error) {
		b.Later(4 * time.Second)
		return look(ctx, item, since)
	}
	// The others were accepted while the first one was looked into: the next look is for both.
	for i, principal := range []string{"first@example.com", "second@example.com", approver} {
		item, err := newItem(event.Work{Target: hello, GiveUpAt: at.Add(GiveUpAfter), Cause: event.Cause{Kind: event.RunServiceChanged,
			Key: fmt.Sprint("change ", i), Principal: principal, At: b.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		item.Accepted = at.Add(time.Second)
		if err := b.worker.Deliver(t.Context(), item, 0); err != nil {
			t.Fatal(err)
		}
	}
	planned := b.lastOn(hello.Name())
	if planned.Cause.Principal != "second@example.com" {
		t.Fatalf("the last look is that of %s, want the change of %s to be covered", planned.Cause.Principal, approver)
	}
	code, answer := b.order(t, approver, `{"command":"approve","planId":"`+planned.PlanID+`"}`)
	if code != http.StatusForbidden || !strings.Contains(answer.Error, "somebody else") {
		t.Errorf("%d %+v, want it refused", code, answer)
	}
}
