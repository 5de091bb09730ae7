package deploy_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// worldwide and regional are services that a team deploys behind load balancers.
var worldwide, regional = stage.Scenario[0], stage.Scenario[1]

func (e *estate) protected(service string) func() bool {
	return func() bool { return e.last(service).Outcome == report.Protected }
}

func TestBothIntakesLeadWhatATeamDeploysToItsProtection(t *testing.T) {
	for _, intake := range [][]any{{"sink"}, {"eventarc"}, {"sink", "eventarc"}} {
		t.Run(fmt.Sprint(intake...), func(t *testing.T) {
			e := open(t, asShipped, map[string]any{"intake": intake})
			e.apply()
			e.Build(worldwide, regional)
			e.until("hello is protected", e.protected("hello"))
			e.until("billing is protected", e.protected("billing"))
			e.Idle()
			for _, visitor := range []struct {
				who  string
				want int
			}{{"user:alice@example.com", http.StatusOK}, {"user:bob@example.com", http.StatusForbidden}} {
				if got := e.Ask(worldwide.Host, visitor.who); got != visitor.want {
					t.Errorf("%s is answered %d at hello's load balancer, want %d", visitor.who, got, visitor.want)
				}
			}
			e.onlyWorkWrote()
			if all := e.about("iapguard"); len(all) > 0 {
				t.Errorf("%d reports on the function itself, the first %s", len(all), all[0].Outcome)
			}
		})
	}
}

// onlyWorkWrote checks that everything was delivered at the first attempt, and
// that the work topic carried the work.
func (e *estate) onlyWorkWrote() {
	e.t.Helper()
	for _, each := range e.Broker.State() {
		if len(each.Unacknowledged) > 0 {
			e.t.Errorf("%s: delivered again: %s", each.Name, each.Unacknowledged[0].Why)
		}
		if strings.HasSuffix(each.Name, "/iapguard-work") && each.Acknowledged == 0 {
			e.t.Errorf("%s carried nothing", each.Name)
		}
	}
}

func TestCommandsAndSweepsReachTheDeployedShape(t *testing.T) {
	e := open(t, asShipped, nil)
	e.Build(worldwide) // before there is anybody who would see it
	e.apply()
	e.run("iapguard-sweep")
	e.until("a sweep found hello", e.protected("hello"))
	if got := e.last("hello").Cause.Kind; got != "command" {
		t.Errorf("hello was looked at because of %q, want a command", got)
	}
	for _, command := range []string{"audit", "doctor"} {
		e.Publish(stage.CommandsTopic, fmt.Sprintf(`{"command":%q,"target":%q,"id":"asked-%s"}`, command, worldwide.Name(), command))
		e.until(command+" is answered", func() bool {
			answer := e.last("hello")
			return answer.Command != nil && answer.Command.ID == "asked-"+command
		})
	}
	if got := e.last("hello").Verdict; got == "" {
		t.Error("the doctor gave no verdict")
	}
	// Where events come, nobody gives commands.
	before := len(e.about("hello"))
	e.Publish(stage.EventsTopic, fmt.Sprintf(`{"command":"audit","target":%q,"id":"smuggled"}`, worldwide.Name()))
	e.Idle()
	if after := e.about("hello"); len(after) > before {
		t.Errorf("a command on the events topic was followed: %+v", after[before].Command)
	}
}

func TestAHeartbeatGoesTheWholeWay(t *testing.T) {
	for _, intake := range []string{"sink", "eventarc"} {
		t.Run(intake, func(t *testing.T) {
			e := open(t, asShipped, map[string]any{"intake": []any{intake}})
			e.apply()
			e.beat()
			e.until("the heartbeat arrived", func() bool { return strings.Contains(e.program.logged(), `"message":"heartbeat"`) })
			if !strings.Contains(e.program.logged(), `"lag_seconds":`) && intake == "sink" {
				t.Error("the log does not say how long the heartbeat was on its way")
			}
		})
	}
}

// beat runs the heartbeat's job: it writes a log entry, as entries.write does,
// or publishes.
func (e *estate) beat() {
	e.t.Helper()
	for _, job := range e.all("google_cloud_scheduler_job") {
		if job.Text("name") != "iapguard-heartbeat" {
			continue
		}
		if job.Text("pubsub_target", "data") != "" {
			e.run(job.Text("name"))
			return
		}
		body, err := base64.StdEncoding.DecodeString(job.Text("http_target", "body"))
		e.done(err)
		var call struct {
			LogName  string
			Resource logging.Resource
			Entries  []logging.Entry
		}
		e.done(json.Unmarshal(body, &call))
		for _, entry := range call.Entries {
			entry.LogName, entry.Resource = call.LogName, call.Resource
			e.Cloud.Logs().Write(entry)
		}
	}
}

func TestWhatIsDeliveredInVainWaitsAmongTheDeadLetters(t *testing.T) {
	// An hour of attempts in seconds; everything else is as shipped.
	e := open(t, copied(t, "minimumBackoff: 10s", "minimumBackoff: 0.001s", "maximumBackoff: 120s", "maximumBackoff: 0.002s", "attempts: 30", "attempts: 5"), nil)
	e.apply()
	e.SetFaults(`[{"action": "status", "method": "run.*", "status": 503}]`)
	e.Publish(stage.CommandsTopic, fmt.Sprintf(`{"command":"audit","target":%q,"id":"lost"}`, worldwide.Name()))
	e.Idle()
	pulled, err := e.Broker.Client().SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{
		Subscription: project + "/subscriptions/iapguard-dead-letters", MaxMessages: 10})
	if err != nil || len(pulled.GetReceivedMessages()) != 1 {
		t.Fatalf("dead letters %v, error %v: want one", pulled, err)
	}
	message := pulled.GetReceivedMessages()[0].GetMessage()
	got := []string{message.GetAttributes()["CloudPubSubDeadLetterSourceSubscription"], message.GetAttributes()["CloudPubSubDeadLetterSourceDeliveryCount"]}
	if diff := cmp.Diff([]string{"iapguard-work", "5"}, got); diff != "" || !strings.Contains(string(message.GetData()), "lost") {
		t.Errorf("the dead letter %s (-want +got):\n%s", message.GetData(), diff)
	}
}

// send posts a body to a path of the function with a token, "" for none, as a
// service of Google's in the project does, which ingress lets through.
func (e *estate) send(path, token, body string) int {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.address+path, strings.NewReader(body))
	e.done(err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := e.Cloud.DataPlane().Inside().RoundTrip(request)
	e.done(err)
	response.Body.Close()
	return response.StatusCode
}

const pusher = "iapguard-pusher@demo-project.iam.gserviceaccount.com"

// signed is a token of the pusher's to the function, with some claims changed.
func (e *estate) signed(by *oidc.Issuer, changes map[string]any) string {
	e.t.Helper()
	now := e.Now()
	claims := map[string]any{"iss": "https://accounts.google.com", "aud": e.address, "sub": "1", "email": pusher, "email_verified": true,
		"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	text, err := by.Sign(claims)
	e.done(err)
	return text
}

// outside is how the function answers a request from the internet.
func (e *estate) outside(path, token, body string) int {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.DataURL()+path, strings.NewReader(body))
	e.done(err)
	request.Host = strings.TrimPrefix(e.address, "https://")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	e.done(err)
	response.Body.Close()
	return response.StatusCode
}

// aSweep is a push that has the project looked through.
var aSweep = fmt.Sprintf(`{"message":{"data":%q,"messageId":"1"},"subscription":"s"}`,
	base64.StdEncoding.EncodeToString([]byte(`{"command":"sweep","target":"projects/demo-project"}`)))

func TestAWrongTokenReachesNothingAndChangesNothing(t *testing.T) {
	e := open(t, asShipped, map[string]any{"intake": []any{"eventarc"}})
	e.Build(worldwide) // whoever is believed may have it protected
	e.apply()
	ours, past := e.Cloud.Tokens(), e.Now().Add(-time.Minute).Unix()
	good := e.signed(ours, nil)
	changed := func(claim string, value any) string { return e.signed(ours, map[string]any{claim: value}) }
	before := e.Shown("state")
	for _, tc := range []struct {
		name, token string
		want        int
	}{
		{"no token", "", 403},
		{"garbage", "garbage", 401},
		{"a token signed by another key", e.signed(oidc.New(e.Now), nil), 401},
		{"a token with its signature cut off", good[:strings.LastIndex(good, ".")+1], 401},
		{"an expired token", changed("exp", past), 401},
		{"a token of another issuer", changed("iss", "https://issuer.example.com"), 401},
		{"a token to another audience", changed("aud", "https://example.com"), 401},
		{"a token of an address that is not verified", changed("email_verified", false), 401},
		{"another account's token", changed("email", "iapguard@demo-project.iam.gserviceaccount.com"), 403},
		{"a person's token", changed("email", "stranger@example.com"), 403},
	} {
		for _, path := range []string{"/", "/work", "/commands", "/healthz"} {
			if got := e.send(path, tc.token, aSweep); got != tc.want {
				t.Errorf("%s at %s: %d, want %d", tc.name, path, got, tc.want)
			}
		}
	}
	if got := e.outside("/commands", good, aSweep); got != http.StatusNotFound {
		t.Errorf("the pusher's token from the internet: %d, want 404 by ingress", got)
	}
	e.Idle()
	if got := e.program.requests.Load(); got != 0 {
		t.Errorf("%d requests reached the function", got)
	}
	if diff := cmp.Diff(before, e.Shown("state")); diff != "" {
		t.Errorf("the state has changed (-before +after):\n%s", diff)
	}
	if got := e.send("/commands", good, aSweep); got != http.StatusNoContent {
		t.Errorf("the pusher's token: %d, want 204", got)
	}
	e.until("the sweep of who is believed protects hello", e.protected("hello"))
	if e.Shown("state") == before {
		t.Error("the state shows nothing of it, so that it could not have shown the others' either")
	}
}
