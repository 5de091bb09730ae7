package deploy_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// worldwide and regional are services that a team deploys behind load balancers.
var worldwide, regional = playground.Scenario[0], playground.Scenario[1]

// protected returns a condition: that a service was reported as protected, maybe
// followed by reports that it is compliant.
func (e *fixture) protected(service string) func() bool {
	return func() bool { return e.first(service, report.Protected).Outcome != "" }
}

func TestBothIntakesLeadWhatATeamDeploysToItsProtection(t *testing.T) {
	for _, intake := range [][]any{{"sink"}, {"eventarc"}, {"sink", "eventarc"}} {
		t.Run(fmt.Sprint(intake...), func(t *testing.T) {
			e := open(t, asShipped, map[string]any{"intake": intake})
			e.apply()
			e.Deploy(worldwide, regional)
			e.until("both wait for a load balancer", func() bool {
				return e.first("hello", report.Waiting).Outcome != "" && e.first("billing",
					report.Waiting).Outcome != ""
			})
			e.Balance(worldwide, regional)
			e.until("hello is protected", e.protected("hello"))
			e.until("billing is protected", e.protected("billing"))
			e.Idle()
			for _, visitor := range []struct {
				who  string
				want int
			}{{"user:alice@example.com", http.StatusOK}, {"user:bob@example.com", http.StatusForbidden}} {
				if got := e.Ask(worldwide.Host, visitor.who); got != visitor.want {
					t.Errorf("%s is answered %d at hello's load balancer, want %d", visitor.who, got,
						visitor.want)
				}
			}
			e.onlyWorkWrote()
			if all := e.about("iapguard"); len(all) > 0 {
				t.Errorf("%d reports on the function itself, the first %s", len(all), all[0].Outcome)
			}
		})
	}
}

// onlyWorkWrote checks that every message was delivered at the first attempt, and that
// the work came through the work topic.
func (e *fixture) onlyWorkWrote() {
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
	e.Build(worldwide) // before the function could see it
	e.apply()
	e.run("iapguard-sweep")
	e.until("a sweep found hello", e.protected("hello"))
	if got := e.first("hello", report.Protected).Cause.Kind; got != "command" {
		t.Errorf("hello was protected because of %q, want a command", got)
	}
	e.until("the sweep reports on the function too", func() bool { return len(e.about("iapguard")) > 0 })
	if got := e.last("iapguard").Outcome; got != report.Exempt {
		t.Errorf("the function itself is %s, want exempt: Pub/Sub cannot push to it behind IAP", got)
	}
	for _, command := range []string{"audit", "doctor"} {
		e.Publish(playground.CommandsTopic, fmt.Sprintf(`{"command":%q,"target":%q,"id":"asked-%s"}`, command,
			worldwide.Name(), command))
		e.until(command+" is answered", func() bool {
			answer := e.last("hello")
			return answer.Command != nil && answer.Command.ID == "asked-"+command
		})
	}
	if got := e.last("hello").Verdict; got == "" {
		t.Error("the doctor gave no verdict")
	}
	// The path for events takes no commands.
	before := len(e.about("hello"))
	e.Publish(playground.EventsTopic, fmt.Sprintf(`{"command":"audit","target":%q,"id":"smuggled"}`,
		worldwide.Name()))
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
			e.run("iapguard-due")
			e.until("the heartbeat arrived", func() bool {
				return strings.Contains(e.program.logged(), `"message":"heartbeat"`)
			})
			if !strings.Contains(e.program.logged(), `"lag_seconds":`) && intake == "sink" {
				t.Error("the log does not say how long the heartbeat was on its way")
			}
		})
	}
}

func TestUndeliverableMessagesBecomeDeadLetters(t *testing.T) {
	// An hour of attempts in seconds; everything else is as shipped.
	e := open(t, copied(t, "minimumBackoff: 10s", "minimumBackoff: 0.001s", "maximumBackoff: 120s",
		"maximumBackoff: 0.002s", "attempts: 30", "attempts: 5"), nil)
	e.apply()
	e.SetFaults(fmt.Sprintf(`[{"action": "status", "method": "run.projects.locations.services.get*", "resource": %q,
		"status": 503}]`, worldwide.Name()))
	e.Publish(playground.CommandsTopic, fmt.Sprintf(`{"command":"audit","target":%q,"id":"lost"}`,
		worldwide.Name()))
	e.Idle()
	pulled, err := e.Broker.Client().SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{
		Subscription: project + "/subscriptions/iapguard-dead-letters", MaxMessages: 10})
	if err != nil || len(pulled.GetReceivedMessages()) != 1 {
		t.Fatalf("dead letters %v, error %v: want one", pulled, err)
	}
	message := pulled.GetReceivedMessages()[0].GetMessage()
	got := []string{message.GetAttributes()["CloudPubSubDeadLetterSourceSubscription"],
		message.GetAttributes()["CloudPubSubDeadLetterSourceDeliveryCount"]}
	if diff := cmp.Diff([]string{"iapguard-work", "5"}, got); diff != "" ||
		!strings.Contains(string(message.GetData()), "lost") {
		t.Errorf("the dead letter %s (-want +got):\n%s", message.GetData(), diff)
	}
}

func TestInReportOnlyTheDeployedShapeWritesNothing(t *testing.T) {
	e := open(t, asShipped, map[string]any{"mode": "report-only", "runtime_projects": []any{},
		"policy": strings.Replace(enforcing, "mode: enforce", "mode: report-only", 1)})
	e.apply()
	e.Build(worldwide)
	e.until("hello is planned", func() bool {
		return e.last("hello").Outcome == report.Planned &&
			len(e.last("hello").Steps) > 0
	})
	e.Idle()
	// Its memory is its own: what it remembers changes nothing of anybody's.
	writes := slices.DeleteFunc(e.Calls().Own().Writes(),
		func(c apiserver.CallEntry) bool { return c.API == "storage" })
	if len(writes) > 0 {
		t.Errorf("the function called %+v", writes[0])
	}
	if slices.ContainsFunc(e.all("google_project_iam_custom_role"),
		func(r blueprint.Resource) bool { return r.Text("role_id") == "iapguardWriter" }) {
		t.Error("the writing role is created, and no account needs it")
	}
}
