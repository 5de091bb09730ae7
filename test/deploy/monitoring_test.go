package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// deployment is the module's input here, as far as filters rest on it.
var deployment = map[string]cty.Value{
	"name": cty.StringVal("iapguard"), "region": cty.StringVal("europe-west1"), "project_id": cty.StringVal("my-project"),
	"alert_report_only": cty.False, "alert_exposed_minutes": cty.NumberIntVal(60),
	"alert_waiting_minutes": cty.NumberIntVal(1440),
}

// locals evaluates the locals of a file that depend on deployment and earlier locals,
// and on no file.
func locals(t *testing.T, file string) map[string]cty.Value {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, file))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]cty.Value{}
	context := func() *hcl.EvalContext {
		return &hcl.EvalContext{
			Variables: map[string]cty.Value{"var": cty.ObjectVal(deployment), "local": cty.ObjectVal(known)},
			Functions: map[string]function.Function{"merge": stdlib.MergeFunc},
		}
	}
	for _, block := range parseHCL(t, text, file).Blocks {
		if block.Type != "locals" {
			continue
		}
		attributes := slices.SortedFunc(maps.Values(block.Body.Attributes),
			func(a, b *hclAttribute) int { return a.SrcRange.Start.Byte - b.SrcRange.Start.Byte })
		for _, attribute := range attributes {
			if value, problems := attribute.Expr.Value(context()); !problems.HasErrors() {
				known[attribute.Name] = value
			}
		}
	}
	return known
}

// metric is a log-based metric of the module.
type metric struct {
	filter string
	fields []string // that it extracts
}

// logMetrics returns the metrics by name, without the deployment's name as prefix.
func logMetrics(t *testing.T) map[string]metric {
	t.Helper()
	found := map[string]metric{}
	for _, kind := range []string{"counts", "spreads"} {
		all := locals(t, "monitoring.tf")[kind]
		if all == cty.NilVal {
			t.Fatalf("local.%s cannot be evaluated", kind)
		}
		for name, one := range all.AsValueMap() {
			made := metric{filter: one.GetAttr("filter").AsString()}
			for _, field := range one.GetAttr("labels").AsValueMap() {
				made.fields = append(made.fields, field.AsString())
			}
			if kind == "spreads" {
				made.fields = append(made.fields, one.GetAttr("value").AsString())
			}
			slices.Sort(made.fields)
			found[name] = made
		}
	}
	return found
}

// alerts returns the metrics of each of the module's alerts, by the name of its page.
func alerts(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "monitoring_alerts.tf"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for page, one := range locals(t, "monitoring_alerts.tf")["alerts"].AsValueMap() {
		found[page] = []string{one.GetAttr("metric").AsString()}
	}
	page := regexp.MustCompile(`local\.playbooks\["([a-z-]+)"\]`)
	about := regexp.MustCompile(`google_logging_metric\.(?:count|spread)\["([a-z-]+)"\]`)
	for _, resource := range strings.Split(string(text), "\nresource ")[1:] {
		if match := page.FindStringSubmatch(resource); match != nil {
			found[match[1]] = nil
			for _, metric := range about.FindAllStringSubmatch(resource, -1) {
				found[match[1]] = append(found[match[1]], metric[1])
			}
		} else if !strings.Contains(resource, "local.playbooks[each.key]") {
			t.Errorf("an alert has no page: %.80s", resource)
		}
	}
	return found
}

func TestEveryAlertHasAPageAndEveryPageAnAlert(t *testing.T) {
	found := alerts(t)
	if len(found) < 10 {
		t.Errorf("only %d alerts are found", len(found))
	}
	var pages []string
	for _, path := range glob(t, filepath.Join("..", "..", "deploy", "playbooks", "*.md")) {
		pages = append(pages, strings.TrimSuffix(filepath.Base(path), ".md"))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// Longer ones are refused (monitoring/api: AlertPolicy.documentation), and
		// names take more room than their placeholders.
		if utf8.RuneCount(text) > 7500 || len(text) > 9500 {
			t.Errorf("%s is too long for an alert's documentation", path)
		}
		for _, part := range []string{"**What fires.**", "**First query.**", "**Usual causes", "**What to do.**",
			"**When to escalate.**"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s does not say %s", path, part)
			}
		}
		if strings.Contains(string(text), "${") {
			t.Errorf("%s: Cloud Monitoring would take ${…} for a variable", path)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(found)), pages); diff != "" {
		t.Errorf("alerts and pages (-alerts +pages):\n%s", diff)
	}
}

func TestAlertsAndDashboardUseExistingMetrics(t *testing.T) {
	metrics := logMetrics(t)
	used := map[string]bool{}
	for page, names := range alerts(t) {
		for _, name := range names {
			used[name] = true
			if _, ok := metrics[name]; !ok {
				t.Errorf("the alert %s is about the metric %s, which the module does not create", page, name)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "dashboards", "iapguard.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Fatal("the dashboard is not JSON")
	}
	asked := regexp.MustCompile(`logging\.googleapis\.com/user/iapguard-([a-z-]+)`).FindAllStringSubmatch(string(text), -1)
	if len(asked) < 10 {
		t.Errorf("the dashboard asks for %d metrics of ours only", len(asked))
	}
	for _, match := range asked {
		used[match[1]] = true
		if _, ok := metrics[match[1]]; !ok {
			t.Errorf("the dashboard asks for the metric %s, which the module does not create", match[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if !used[name] {
			t.Errorf("no alert and no dashboard uses the metric %s", name)
		}
	}
}

// change is an entry of the audit log. The methods are Google's own names
// (logging/docs/audit/services, a page for each service).
func change(service, method, resource string, more map[string]any) map[string]any {
	payload := map[string]any{"serviceName": service, "methodName": method, "resourceName": resource,
		"status": map[string]any{}}
	maps.Copy(payload, more)
	return map[string]any{"logName": "projects/my-project/logs/cloudaudit.googleapis.com%2Factivity",
		"protoPayload": payload}
}

func TestChangesOfTheConfigurationRaiseAnAlert(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "filters", "changes.filter"))
	if err != nil {
		t.Fatal(err)
	}
	filter, err := logging.ParseFilter(strings.ReplaceAll(string(text), "${name}", "iapguard"))
	if err != nil {
		t.Fatal(err)
	}
	key := func(account string) map[string]any {
		return map[string]any{"response": map[string]any{"name": "projects/my-project/serviceAccounts/" + account +
			"@my-project.iam.gserviceaccount.com/keys/1"}}
	}
	const (
		sinks   = "google.logging.v2.ConfigServiceV2."
		secrets = "google.cloud.secretmanager.v1.SecretManagerService."
		account = "projects/-/serviceAccounts/117"
	)
	for _, tc := range []struct {
		name  string
		entry map[string]any
		wants bool
	}{
		{"a sink's filter", change("logging.googleapis.com", sinks+"UpdateSink",
			"projects/my-project/sinks/iapguard-events", nil), true},
		{"somebody else's sink", change("logging.googleapis.com", sinks+"DeleteSink", "projects/my-project/sinks/billing",
			nil), false},
		{"a push address", change("pubsub.googleapis.com", "google.pubsub.v1.Subscriber.ModifyPushConfig",
			"projects/my-project/subscriptions/iapguard-events", nil), true},
		{"a topic", change("pubsub.googleapis.com", "google.pubsub.v1.Publisher.DeleteTopic",
			"projects/my-project/topics/iapguard-work", nil), true},
		{"Eventarc's subscription", change("pubsub.googleapis.com", "google.pubsub.v1.Subscriber.DeleteSubscription",
			"projects/my-project/subscriptions/eventarc-europe-west1-iapguard-replace-1a2b3c-sub-123", nil), true},
		{"a trigger", change("eventarc.googleapis.com", "google.cloud.eventarc.v1.Eventarc.DeleteTrigger",
			"projects/my-project/locations/us-central1/triggers/iapguard-patch-1a2b3c", nil), true},
		{"the policy", change("secretmanager.googleapis.com", secrets+"AddSecretVersion",
			"projects/123456789012/secrets/iapguard-policy", nil), true},
		{"a hold", change("secretmanager.googleapis.com", secrets+"AddSecretVersion",
			"projects/123456789012/secrets/iapguard-holds", nil), true},
		{"another secret", change("secretmanager.googleapis.com", secrets+"AddSecretVersion",
			"projects/123456789012/secrets/database", nil), false},
		{"reading the policy", change("secretmanager.googleapis.com", secrets+"AccessSecretVersion",
			"projects/123456789012/secrets/iapguard-policy/versions/1", nil), false},
		{"a paused sweep", change("cloudscheduler.googleapis.com", "google.cloud.scheduler.v1.CloudScheduler.PauseJob",
			"projects/my-project/locations/europe-west1/jobs/iapguard-sweep", nil), true},
		{"who may call it", change("run.googleapis.com", "google.cloud.run.v1.Services.SetIamPolicy",
			"namespaces/my-project/services/iapguard", nil), true},
		{"a new revision", change("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService",
			"projects/my-project/locations/europe-west1/services/iapguard", nil), false},
		{"who may call another", change("run.googleapis.com", "google.cloud.run.v1.Services.SetIamPolicy",
			"namespaces/my-project/services/iapguard-shop", nil), false},
		{"a key", change("iam.googleapis.com", "google.iam.admin.v1.CreateServiceAccountKey", account,
			key("iapguard-pusher")), true},
		{"a key of another account", change("iam.googleapis.com", "google.iam.admin.v1.CreateServiceAccountKey", account,
			key("shop")), false},
		{"a call that failed", change("pubsub.googleapis.com", "google.pubsub.v1.Publisher.DeleteTopic",
			"projects/my-project/topics/iapguard-work", map[string]any{"status": map[string]any{"code": 7.0}}), false},
	} {
		if got := filter.Match(tc.entry); got != tc.wants {
			t.Errorf("%s: matches: %t, want %t", tc.name, got, tc.wants)
		}
	}
}
