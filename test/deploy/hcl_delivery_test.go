package deploy_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapguard/iapguard/deploy/filters"
	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/strictyaml"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// intake is deploy/intake.yaml.
type intake struct {
	Topics []string
	Push   []struct {
		Topic, Path, DeadLetters string
		Ordered                  bool
		Attempts                 float64
	}
	Delivery struct {
		AckDeadline, MinimumBackoff, MaximumBackoff string
		Attempts                                    int
	}
	Eventarc []struct{ ServiceName, MethodName, Location string }
}

func shippedIntake(t *testing.T) intake {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(asShipped, "intake.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := strictyaml.JSON(text, 32)
	var read intake
	if err != nil || json.Unmarshal(asJSON, &read) != nil {
		t.Fatalf("reading intake.yaml: %v", err)
	}
	return read
}

func TestWhatIsPushedWhereIsWhatTheFunctionServes(t *testing.T) {
	got := map[string]string{}
	used := []string{"reports", "dead-letters", "refused-dead-letters"} // to which nothing is pushed
	for _, push := range shippedIntake(t).Push {
		got[push.Topic] = push.Path
		used = append(used, push.Topic)
	}
	if diff := gocmp.Diff(used, shippedIntake(t).Topics, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("topics in deploy/intake.yaml (-used +listed):\n%s", diff)
	}
	want := map[string]string{"events": function.EventsPath, "work": function.WorkPath,
		"commands": function.CommandsPath,
		"refused":  function.EventsPath}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("deploy/intake.yaml (-code +file):\n%s", diff)
	}
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		_, _, container := serviceOf(t, all)
		for _, probe := range []string{"startup_probe", "liveness_probe"} {
			if path := first(first(container, probe), "http_get")["path"]; path != function.HealthPath {
				t.Errorf("%s asks for %v, want %s", probe, path, function.HealthPath)
			}
		}
		var topics []string
		for _, topic := range all.of("google_pubsub_topic") {
			topics = append(topics, strings.TrimPrefix(topic.Text("name"), "iapguard-"))
			if topic.Values["schema_settings"] != nil {
				t.Errorf("%s has a schema: what does not match it would stop protection", topic.Address)
			}
		}
		if diff := gocmp.Diff(shippedIntake(t).Topics, topics, cmpopts.SortSlices(strings.Compare)); diff != "" {
			t.Errorf("topics (-intake.yaml +module):\n%s", diff)
		}
	})
}

func TestSubscriptionsDeliverAsTheIntakeFileSays(t *testing.T) {
	wanted := shippedIntake(t)
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		pushed := map[string]any{}
		for _, one := range all.of("google_pubsub_subscription") {
			if one.Text("expiration_policy", "ttl") != "" || len(blocks(one.Values, "expiration_policy")) == 0 {
				t.Errorf("%s ends after a quiet month", one.Address)
			}
			if len(blocks(one.Values, "push_config")) == 0 {
				continue
			}
			topic := strings.TrimPrefix(one.Text("topic"), project+"/topics/iapguard-")
			pushed[topic] = []any{strings.TrimPrefix(one.Text("push_config", "push_endpoint"), address),
				one.Values["enable_message_ordering"]}
			got := []any{one.Values["ack_deadline_seconds"], one.Text("retry_policy", "minimum_backoff"),
				one.Text("retry_policy", "maximum_backoff"),
				first(one.Values, "dead_letter_policy")["max_delivery_attempts"],
				one.Text("dead_letter_policy", "dead_letter_topic")}
			attempts, letters := float64(wanted.Delivery.Attempts), "dead-letters"
			for _, push := range wanted.Push {
				if push.Topic == topic {
					attempts, letters = cmp.Or(push.Attempts, attempts), cmp.Or(push.DeadLetters, letters)
				}
			}
			want := []any{length(t, wanted.Delivery.AckDeadline).Seconds(), wanted.Delivery.MinimumBackoff,
				wanted.Delivery.MaximumBackoff, attempts, project + "/topics/iapguard-" + letters}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-intake.yaml +module):\n%s", one.Address, diff)
			}
			if audience := first(first(one.Values, "push_config"),
				"oidc_token")["audience"]; audience != address {
				t.Errorf("%s has tokens made out to %v, want the service's address", one.Address, audience)
			}
		}
		want := map[string]any{}
		for _, push := range wanted.Push {
			want[push.Topic] = []any{push.Path, push.Ordered}
		}
		if diff := gocmp.Diff(want, pushed); diff != "" {
			t.Errorf("what is pushed where (-intake.yaml +module):\n%s", diff)
		}
	})
}

func TestDeadlinesAndAttemptsFitTheFunctionsTimes(t *testing.T) {
	delivery := shippedIntake(t).Delivery
	deadline, pause, longest := length(t, delivery.AckDeadline), length(t, delivery.MinimumBackoff),
		length(t, delivery.MaximumBackoff)
	if deadline != 10*time.Minute {
		t.Errorf("the deadline is %s, want 600s, which is Pub/Sub's longest", deadline)
	}
	if delivery.Attempts < 30 || delivery.Attempts > 100 || pause != 10*time.Second || longest != 2*time.Minute {
		t.Errorf("%d attempts, %s to %s: want at least 30 and at most Pub/Sub's 100, 10s to 2m",
			delivery.Attempts,
			pause, longest)
	}
	// Even if every attempt fails immediately.
	var total time.Duration
	for range delivery.Attempts - 1 {
		total += pause
		pause = min(2*pause, longest)
	}
	if total < function.GiveUpAfter+longest {
		t.Errorf("attempts end after %s, and the function gives up after %s: it would not be asked again, and never say so",
			total, function.GiveUpAfter)
	}
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		_, template, _ := serviceOf(t, all)
		if timeout := length(t, fmt.Sprint(template["timeout"])); timeout > deadline || timeout < 10*time.Minute {
			t.Errorf("requests may take %s, and Pub/Sub waits for %s", timeout, deadline)
		}
	})
}

func TestSinksAndTriggersSelectWhatTheFunctionActsOn(t *testing.T) {
	inEveryShape(t, func(t *testing.T, scope string, all resources) {
		kinds := map[string]string{"projects": "google_logging_project_sink",
			"folders":       "google_logging_folder_sink",
			"organizations": "google_logging_organization_sink"}
		kind := kinds[strings.Split(scope, "/")[0]]
		own := []string{playground.FunctionAccount}
		for _, account := range all.of("google_service_account") {
			if strings.Contains(account.Text("account_id"), "-writer-") {
				own = append(own, account.Text("email"))
			}
		}
		want := map[string]string{"iapguard-events": filters.Events(own[0], own[1:]...),
			"iapguard-requests": filters.Requests(), "iapguard-controls": read(t, filepath.Join(asShipped,
				"filters", "orgpolicy.filter"))}
		topics := map[string]string{"iapguard-events": "pubsub.googleapis.com/" + project + "/topics/iapguard-events",
			"iapguard-requests": "pubsub.googleapis.com/" + project + "/topics/iapguard-refused",
			"iapguard-controls": "logging.googleapis.com/" + project}
		if len(all.of(kind)) == 0 {
			t.Errorf("there is no %s", kind)
		}
		for _, each := range kinds {
			for _, sink := range all.of(each) {
				if each != kind {
					t.Errorf("%s is made, and the scope is %s", sink.Address, scope)
				}
				if diff := gocmp.Diff(want[sink.Text("name")], sink.Text("filter")); diff != "" {
					t.Errorf("%s (-deploy/filters +module):\n%s", sink.Address, diff)
				}
				if sink.Text("destination") != topics[sink.Text("name")] ||
					kind != kinds["projects"] && sink.Values["include_children"] != true {
					t.Errorf("%s goes to %s, children %v: want %s, and all below", sink.Address,
						sink.Text("destination"), sink.Values["include_children"], topics[sink.Text("name")])
				}
			}
		}
		if len(all.of("google_eventarc_trigger")) > 0 {
			checkTriggers(t, all.of("google_eventarc_trigger"))
		}
	})
}

// checkTriggers checks triggers against the list in intake.yaml, which another test
// checks against the code.
func checkTriggers(t *testing.T, triggers []blueprint.Resource) {
	t.Helper()
	var want, got []string
	for _, each := range shippedIntake(t).Eventarc {
		want = append(want, strings.Join([]string{each.ServiceName, each.MethodName,
			strings.Replace(each.Location, "region", region, 1), function.EventsPath}, " "))
	}
	for _, trigger := range triggers {
		filtered := map[string]any{}
		for _, each := range blocks(trigger.Values, "matching_criteria") {
			filtered[each["attribute"].(string)] = each["value"]
		}
		if filtered["type"] != "google.cloud.audit.log.v1.written" {
			t.Errorf("%s is on %v", trigger.Address, filtered["type"])
		}
		got = append(got, fmt.Sprint(filtered["serviceName"], " ", filtered["methodName"], " ",
			trigger.Text("location"),
			" ", trigger.Text("destination", "cloud_run_service", "path")))
	}
	if diff := gocmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("triggers (-intake.yaml +module):\n%s", diff)
	}
}

// The alert on controls has one filter of two files, because an alert on log entries has one
// condition.
func TestTheAlertOnControlsHasBothFilters(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		for _, alert := range all.of("google_monitoring_alert_policy") {
			if alert.Address != `google_monitoring_alert_policy.on_line["controls-changed"]` {
				continue
			}
			filter, err := logging.ParseFilter(alert.Text("conditions", "condition_matched_log", "filter"))
			if err != nil {
				t.Fatal(err)
			}
			for _, changed := range []struct{ service, method, resource string }{
				{"orgpolicy.googleapis.com", "google.cloud.orgpolicy.v2.OrgPolicy.UpdatePolicy",
					"projects/1/policies/run.allowedIngress"},
				{"monitoring.googleapis.com", "google.monitoring.v3.AlertPolicyService.DeleteAlertPolicy",
					project + "/alertPolicies/1"},
			} {
				if !filter.Match(map[string]any{"logName": project + "/logs/cloudaudit.googleapis.com%2Factivity",
					"protoPayload": map[string]any{"serviceName": changed.service, "methodName": changed.method,
						"resourceName": changed.resource, "status": map[string]any{}}}) {
					t.Errorf("%s does not raise the alert", changed.method)
				}
			}
			return
		}
		t.Error("there is no such alert")
	})
}
