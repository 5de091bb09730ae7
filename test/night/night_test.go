package night

import (
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

var services = flag.Int("services", 24, "how many services the two projects have")

// beside is the second project.
const beside = "team-b"

const alice = "user:alice@example.com"

// The versions of the policy: before, wrong, and right.
var (
	approvers  = `approvers: ["serviceAccount:` + playground.OperatorAccount + `"]`
	reportOnly = cloudtest.Policy(approvers, "mode: report-only")
	wrong      = cloudtest.Policy(approvers, `access: {members: ["user:alice@exmaple.com"]}`)
	right      = cloudtest.Policy(approvers, "limits: {perProject: 500, overall: 500}")
)

// night is the local cloud, the function, and the doors.
type night struct {
	*cloudtest.Env
	t        *testing.T
	function *function.Function
	policy   string // its file
	doors    []playground.LoadBalanced
}

func begin(t *testing.T) *night {
	t.Helper()
	n := &night{t: t, policy: filepath.Join(t.TempDir(), "policy.yaml"), Env: cloudtest.Start(t, playground.Options{
		Projects: []apiserver.Project{apiserver.NewProject(beside)}, InstantOperations: true})}
	n.letIn()
	for i := range *services {
		door := playground.LoadBalanced{Service: fmt.Sprintf("shop-%03d", i), Region: "us-central1"}
		if i%2 == 1 {
			door.Of = beside
		}
		door.Host = door.Service + ".example.com"
		for _, make := range []func(playground.Client) error{
			func(c playground.Client) error { return door.Deploy(t.Context(), c) },
			func(c playground.Client) error { return door.Balance(t.Context(), c) },
		} {
			if err := make(n.Owner()); err != nil {
				t.Fatal(err)
			}
		}
		n.doors = append(n.doors, door)
	}
	n.Later(48 * time.Hour) // none is new
	n.write(reportOnly)
	push := []string{playground.PushAccount}
	config := function.Config{
		Policy: n.policy, Self: playground.FunctionAccount, Store: memory.NewInProcess(), Clock: n.Clock(),
		WorkDeadline: time.Second, Callers: function.Callers{
			Audiences: []string{playground.FunctionAudience}, Operators: []string{playground.OperatorAccount},
			Pushers: map[string][]string{function.CommandsPath: push, function.EventsPath: push, function.WorkPath: push},
		},
	}
	config.Connect.Endpoint, config.Connect.Self, config.Connect.UserAgent = n.URL(), playground.FunctionAccount, function.UserAgent
	var err error
	if n.function, err = function.New(t.Context(), config, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	n.Keep(n.function)
	return n
}

// letIn gives the function in the second project what it has in the first.
func (n *night) letIn() {
	n.t.Helper()
	var bindings []any
	for _, role := range []string{"Reader", "Inherited", "Callers", "Domains", "Runtime", "Writer"} {
		bindings = append(bindings, map[string]any{
			"role":    "organizations/" + apiserver.OrganizationID + "/roles/iapguard" + role,
			"members": []any{"serviceAccount:" + playground.FunctionAccount}})
	}
	n.CallAs(n.Owner(), http.MethodPost, "/v3/projects/"+beside+":setIamPolicy",
		map[string]any{"policy": map[string]any{"version": 3, "bindings": bindings}})
}

func (n *night) write(policy string) {
	n.t.Helper()
	if err := os.WriteFile(n.policy, []byte(policy), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// send sends a command as an account, and returns status and answer.
func (n *night) send(account string, command map[string]any) (int, function.Answer) {
	n.t.Helper()
	now := n.Now()
	token, err := n.Cloud.Tokens().Sign(map[string]any{"iss": "https://accounts.google.com", "aud": playground.FunctionAudience,
		"sub": "1", "email": account, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"jti": rand.Text()})
	if err != nil {
		n.t.Fatal(err)
	}
	body, err := json.Marshal(command)
	if err != nil {
		n.t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, function.CommandsPath, strings.NewReader(string(body)))
	request.Header.Set("Authorization", "Bearer "+token)
	recorded := httptest.NewRecorder()
	n.function.ServeHTTP(recorded, request)
	var answer function.Answer
	if strings.HasPrefix(recorded.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(recorded.Body.Bytes(), &answer); err != nil {
			n.t.Fatal(err)
		}
	}
	return recorded.Code, answer
}

// sweep has Cloud Scheduler ask for a look at both projects.
func (n *night) sweep() {
	n.t.Helper()
	for _, project := range []string{playground.Project, beside} {
		code, _ := n.send(playground.PushAccount, map[string]any{"command": "sweep", "target": "projects/" + project,
			"id": fmt.Sprint("sweep of ", project, " at ", n.Now())})
		if code != http.StatusNoContent {
			n.t.Fatalf("the sweep of %s is answered with %d", project, code)
		}
	}
}

// order sends a command as the operator, which has to succeed.
func (n *night) order(command map[string]any) []string {
	n.t.Helper()
	code, answer := n.send(playground.OperatorAccount, command)
	if code != http.StatusOK || answer.By != playground.OperatorAccount {
		n.t.Fatalf("%v: %d %s\n%s", command, code, answer.Error, strings.Join(answer.Said, "\n"))
	}
	return answer.Said
}

// asked asks at every door, and counts those at which alice and a stranger get in.
func (n *night) asked() (entitled, strangers int) {
	n.t.Helper()
	for _, door := range n.doors {
		if n.Ask(door.Host, alice) == http.StatusOK {
			entitled++
		}
		if n.Ask(door.Host, "") == http.StatusOK {
			strangers++
		}
	}
	return entitled, strangers
}

// state is every resource and policy of the cloud.
func (n *night) state() string { return n.Shown("state") }

func TestAWrongPolicyIsStoppedAndTakenBack(t *testing.T) {
	n := begin(t)
	before := n.state()
	n.sweep()
	if entitled, strangers := n.asked(); entitled != *services || strangers != *services || n.state() != before {
		t.Fatalf("before: alice gets in at %d doors, strangers at %d; was anything written: %t", entitled, strangers,
			n.state() != before)
	}

	// The wrong version goes out. Nobody is alice@exmaple.com.
	n.write(wrong)
	n.Later(time.Minute)
	since := n.Now()
	n.sweep()
	const canary = 10
	entitled, strangers := n.asked()
	if shut := *services - strangers; shut == 0 || shut > canary || entitled != strangers {
		t.Fatalf("in the first hour: alice gets in at %d of %d doors, strangers at %d; want at most %d shut",
			entitled, *services, strangers, canary)
	}
	shut := *services - strangers

	// The person on call holds both projects, and nothing is written from then on.
	for _, project := range []string{playground.Project, beside} {
		n.order(map[string]any{"command": "hold", "target": "projects/" + project, "for": "8h", "reason": "a wrong policy"})
	}
	n.Later(30 * time.Second)
	before = n.state()
	for range 3 {
		n.Later(time.Hour)
		n.sweep()
	}
	if _, strangers := n.asked(); n.state() != before || strangers != *services-shut {
		t.Fatalf("held: strangers get in at %d doors; was anything written: %t", strangers, n.state() != before)
	}

	// One command takes the wave back.
	undo := map[string]any{"command": "undo", "policyDigest": digestOf(wrong), "since": since.UTC().Format(time.RFC3339)}
	if code, answer := n.send(playground.OperatorAccount, undo); code != http.StatusConflict {
		t.Fatalf("undo without yes: %d %+v", code, answer)
	}
	undo["yes"] = true
	n.order(undo)
	if entitled, strangers := n.asked(); entitled != *services || strangers != *services {
		t.Fatalf("taken back: alice gets in at %d of %d doors, strangers at %d", entitled, *services, strangers)
	}

	// The right version lets in somebody who was not named, so it waits for an approver. Then
	// the holds are lifted.
	n.write(right)
	n.Later(time.Minute)
	n.sweep()
	n.order(map[string]any{"command": "approve", "planId": digestOf(right)})
	n.Later(time.Minute)
	for _, project := range []string{playground.Project, beside} {
		n.order(map[string]any{"command": "resume", "target": "projects/" + project})
	}
	for range 3 {
		n.Later(4*time.Hour + time.Minute)
		n.sweep()
	}
	if entitled, strangers := n.asked(); entitled != *services || strangers > 0 {
		t.Errorf("in the morning: alice gets in at %d of %d doors, strangers at %d", entitled, *services, strangers)
	}
}
