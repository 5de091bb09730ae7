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
	"name": cty.StringVal("iapguard"), "region": cty.StringVal("europe-west1"),
	"project_id":        cty.StringVal("my-project"),
	"alert_report_only": cty.False, "alert_exposed_minutes": cty.NumberIntVal(60),
	"alert_waiting_minutes": cty.NumberIntVal(1440),
}

// locals evaluates the locals of a file that depend on deployment and earlier locals,
// and on no file.
func locals(t *testing.T, file string) map[string]cty.Value {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "modules", "monitoring", file))
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

// keysOf returns the keys of a local that is an object.
func keysOf(t *testing.T, file, name string) (keys []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "modules", "monitoring", file))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range parseHCL(t, text, file).Blocks {
		if attribute := block.Body.Attributes[name]; block.Type == "locals" && attribute != nil {
			pairs, problems := hcl.ExprMap(attribute.Expr)
			if problems.HasErrors() {
				t.Fatal(problems)
			}
			for _, pair := range pairs {
				keys = append(keys, hcl.ExprAsKeyword(pair.Key))
			}
		}
	}
	if len(keys) == 0 {
		t.Fatalf("%s has no local %s", file, name)
	}
	return keys
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
		all := locals(t, "metrics.tf")[kind]
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
	var text string
	for _, file := range []string{"monitoring/alerts.tf", "monitoring/alerts_named.tf", "monitoring/alerts_on_lines.tf", "monitoring/slo.tf", "watch/main.tf"} {
		part, err := os.ReadFile(filepath.Join(module, "modules", file))
		if err != nil {
			t.Fatal(err)
		}
		text += string(part)
	}
	found := map[string][]string{}
	for page, one := range locals(t, "alerts.tf")["alerts"].AsValueMap() {
		found[page] = []string{one.GetAttr("metric").AsString()}
	}
	for page, one := range locals(t, "alerts_named.tf")["named"].AsValueMap() {
		found[page] = []string{one.GetAttr("metric").AsString()}
	}
	for _, name := range []string{"changed", "logged"} { // on lines, about no metric
		for _, page := range keysOf(t, "alerts_on_lines.tf", name) {
			found[page] = nil
		}
	}
	page := regexp.MustCompile(`local\.playbooks\["([a-z-]+)"\]`)
	about := regexp.MustCompile(`google_logging_metric\.(?:count|spread)\["([a-z-]+)"\]`)
	for _, resource := range strings.Split(text, "\nresource ")[1:] {
		if !strings.HasPrefix(resource, `"google_monitoring_alert_policy"`) {
			continue
		}
		if match := page.FindStringSubmatch(resource); match != nil {
			found[match[1]] = nil
			for _, metric := range about.FindAllStringSubmatch(resource, -1) {
				found[match[1]] = append(found[match[1]], metric[1])
			}
		} else if strings.Contains(resource, "google_monitoring_alert_policy") &&
			!strings.Contains(resource, "local.playbooks[each.key]") &&
			!strings.Contains(resource, "local.playbooks[each.value.page]") {
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
	// The second switch is typed when a person decides so, and no alert leads there alone.
	pages := []string{}
	for _, path := range glob(t, filepath.Join("..", "..", "deploy", "playbooks", "*.md")) {
		if filepath.Base(path) == "stop.md" {
			continue
		}
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
		for _, part := range []string{"**Severity.** ", "**User impact.** ", "**Safe until morning.** ", "**What fires.**", "**First query.**", "**Usual causes", "**What to do.**",
			"**When to escalate.**"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s does not say %s", path, part)
			}
		}
		if strings.Contains(string(text), "`iapguard ") && !strings.Contains(string(text), "IAPGUARD_CONTEXT=") {
			t.Errorf("%s has commands of iapguard, and does not say which deployment they ask", path)
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
		{"somebody else's sink", change("logging.googleapis.com", sinks+"DeleteSink",
			"projects/my-project/sinks/billing",
			nil), false},
		{"a push address", change("pubsub.googleapis.com", "google.pubsub.v1.Subscriber.ModifyPushConfig",
			"projects/my-project/subscriptions/iapguard-events", nil), true},
		{"a topic", change("pubsub.googleapis.com", "google.pubsub.v1.Publisher.DeleteTopic",
			"projects/my-project/topics/iapguard-work", nil), true},
		{"Eventarc's subscription", change("pubsub.googleapis.com",
			"google.pubsub.v1.Subscriber.DeleteSubscription",
			"projects/my-project/subscriptions/eventarc-europe-west1-iapguard-replace-1a2b3c-sub-123", nil),
			true},
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
		{"a paused sweep", change("cloudscheduler.googleapis.com",
			"google.cloud.scheduler.v1.CloudScheduler.PauseJob",
			"projects/my-project/locations/europe-west1/jobs/iapguard-sweep", nil), true},
		{"who may call it", change("run.googleapis.com", "google.cloud.run.v1.Services.SetIamPolicy",
			"namespaces/my-project/services/iapguard", nil), true},
		{"a new revision", change("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService",
			"projects/my-project/locations/europe-west1/services/iapguard", nil), false},
		{"who may call another", change("run.googleapis.com", "google.cloud.run.v1.Services.SetIamPolicy",
			"namespaces/my-project/services/iapguard-shop", nil), false},
		{"a key", change("iam.googleapis.com", "google.iam.admin.v1.CreateServiceAccountKey", account,
			key("iapguard-pusher")), true},
		{"a key of another account", change("iam.googleapis.com",
			"google.iam.admin.v1.CreateServiceAccountKey", account,
			key("shop")), false},
		{"a call that failed", change("pubsub.googleapis.com", "google.pubsub.v1.Publisher.DeleteTopic",
			"projects/my-project/topics/iapguard-work", map[string]any{"status": map[string]any{"code": 7.0}}),
			false},
	} {
		if got := filter.Match(tc.entry); got != tc.wants {
			t.Errorf("%s: matches: %t, want %t", tc.name, got, tc.wants)
		}
	}
}

// filterOf reads a filter of deploy/filters as the deployment iapguard in the project
// my-project has it.
func filterOf(t *testing.T, file string) *logging.Filter {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "filters", file))
	if err != nil {
		t.Fatal(err)
	}
	filter, err := logging.ParseFilter(strings.NewReplacer("${name}", "iapguard", "${role}", "iapguard",
		"${project}", "my-project",
		"${number}", "123456789012").Replace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return filter
}

// of is a resource with labels.
func of(kind string, labels map[string]any) map[string]any {
	return map[string]any{"type": kind, "labels": labels}
}

func TestChangesOfTheGuardItselfRaiseAnAlert(t *testing.T) {
	filter := filterOf(t, "guard.filter")
	const (
		admin = "google.iam.admin.v1."
		id    = "projects/-/serviceAccounts/117"
	)
	account := func(entry map[string]any, email string) map[string]any {
		entry["resource"] = of("service_account", map[string]any{"email_id": email})
		return entry
	}
	for _, tc := range []struct {
		name  string
		entry map[string]any
		wants bool
	}{
		{"a new image", change("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService",
			"projects/my-project/locations/europe-west1/services/iapguard", nil), true},
		{"a new environment by the older API", change("run.googleapis.com",
			"google.cloud.run.v1.Services.ReplaceService",
			"namespaces/my-project/services/iapguard", nil), true},
		{"the service is gone", change("run.googleapis.com", "google.cloud.run.v1.Services.DeleteService",
			"namespaces/my-project/services/iapguard", nil), true},
		{"another service's image", change("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService",
			"projects/my-project/locations/europe-west1/services/iapguard-shop", nil), false},
		{"who may act as the function", account(change("iam.googleapis.com", admin+"SetIAMPolicy", id, nil),
			"iapguard@my-project.iam.gserviceaccount.com"), true},
		{"who may take tokens of an operator account", account(change("iam.googleapis.com",
			admin+"SetIAMPolicy", id, nil),
			"iapguard-approver@my-project.iam.gserviceaccount.com"), true},
		{"who may act as another account", account(change("iam.googleapis.com", admin+"SetIAMPolicy", id, nil),
			"shop@my-project.iam.gserviceaccount.com"), false},
		{"a pusher is disabled", account(change("iam.googleapis.com", admin+"DisableServiceAccount", id, nil),
			"iapguard-work@my-project.iam.gserviceaccount.com"), true},
		{"what the writing role contains", change("iam.googleapis.com", admin+"UpdateRole",
			"projects/my-project/roles/iapguardWriter", nil), true},
		{"what another role contains", change("iam.googleapis.com", admin+"UpdateRole",
			"projects/my-project/roles/shop", nil), false},
		{"an editor of the guard's project", change("cloudresourcemanager.googleapis.com", "SetIamPolicy",
			"projects/my-project",
			nil), true},
		{"an editor of another project", change("cloudresourcemanager.googleapis.com", "SetIamPolicy",
			"projects/shop", nil), false},
		{"who may write the memory", change("storage.googleapis.com", "storage.setIamPermissions",
			"projects/_/buckets/iapguard-memory-123456789012", nil), true},
		{"a shorter retention of the evidence", change("storage.googleapis.com", "storage.buckets.update",
			"projects/_/buckets/iapguard-evidence-123456789012", nil), true},
		{"a record of the memory", change("storage.googleapis.com", "storage.objects.create",
			"projects/_/buckets/iapguard-memory-123456789012/objects/service/x", nil), false},
		{"another bucket", change("storage.googleapis.com", "storage.buckets.update",
			"projects/_/buckets/shop", nil), false},
		{"a call that failed", change("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService",
			"projects/my-project/locations/europe-west1/services/iapguard",
			map[string]any{"status": map[string]any{"code": 7.0}}), false},
	} {
		if got := filter.Match(tc.entry); got != tc.wants {
			t.Errorf("%s: matches: %t, want %t", tc.name, got, tc.wants)
		}
	}
}

func TestChangesOfAlertsAndPreventionRaiseAnAlert(t *testing.T) {
	policies, alerts := filterOf(t, "orgpolicy.filter"), filterOf(t, "alerts.filter")
	const policyService, monitoring = "google.cloud.orgpolicy.v2.OrgPolicy.", "google.monitoring.v3."
	for _, tc := range []struct {
		name  string
		by    *logging.Filter
		entry map[string]any
		wants bool
	}{
		{"the ingress may be public again", policies, change("orgpolicy.googleapis.com",
			policyService+"UpdatePolicy",
			"projects/1/policies/run.allowedIngress", nil), true},
		{"the invoker check may be off", policies, change("orgpolicy.googleapis.com",
			policyService+"DeletePolicy",
			"folders/41/policies/run.managed.requireInvokerIam", nil), true},
		{"strangers may be members", policies, change("cloudresourcemanager.googleapis.com", "SetOrgPolicy",
			"projects/shop",
			map[string]any{"request": map[string]any{"policy": map[string]any{"constraint": "constraints/iam.allowedPolicyMemberDomains"}}}), true},
		{"a policy is made, with an exception", policies, change("orgpolicy.googleapis.com",
			policyService+"CreatePolicy",
			"projects/shop", map[string]any{"request": map[string]any{"policy": map[string]any{
				"name": "projects/shop/policies/iam.managed.allowedPolicyMembers"}}}), true},
		{"IAP may be left out", policies, change("orgpolicy.googleapis.com", policyService+"DeletePolicy",
			"projects/1/policies/custom.iapguardRequireIap", nil), true},
		{"what the constraint of IAP demands", policies, change("orgpolicy.googleapis.com",
			policyService+"UpdateCustomConstraint", "organizations/12", map[string]any{"request": map[string]any{
				"customConstraint": map[string]any{"name": "organizations/12/customConstraints/custom.iapguardRequireIap"}}}), true},
		{"another constraint", policies, change("orgpolicy.googleapis.com", policyService+"DeleteCustomConstraint",
			"organizations/12/customConstraints/custom.disks", nil), false},
		{"another policy", policies, change("orgpolicy.googleapis.com", policyService+"UpdatePolicy",
			"projects/1/policies/compute.vmExternalIpAccess", nil), false},
		{"reading one", policies, change("orgpolicy.googleapis.com", policyService+"GetPolicy",
			"projects/1/policies/run.allowedIngress", nil), false},
		{"an alert", alerts, change("monitoring.googleapis.com",
			monitoring+"AlertPolicyService.UpdateAlertPolicy",
			"projects/my-project/alertPolicies/1", nil), true},
		{"a channel", alerts, change("monitoring.googleapis.com",
			monitoring+"NotificationChannelService.DeleteNotificationChannel",
			"projects/my-project/notificationChannels/1", nil), true},
		{"a snooze", alerts, change("monitoring.googleapis.com", monitoring+"SnoozeService.CreateSnooze",
			"projects/my-project/snoozes/1", nil), true},
		{"a metric", alerts, change("logging.googleapis.com",
			"google.logging.v2.MetricsServiceV2.DeleteLogMetric",
			"projects/my-project/metrics/iapguard-errors", nil), true},
		{"what is left out of the log", alerts, change("logging.googleapis.com",
			"google.logging.v2.ConfigServiceV2.CreateExclusion",
			"projects/123456789012/exclusions/all", nil), true},
		{"another project's alert", alerts, change("monitoring.googleapis.com",
			monitoring+"AlertPolicyService.DeleteAlertPolicy",
			"projects/shop/alertPolicies/1", nil), false},
	} {
		if got := tc.by.Match(tc.entry); got != tc.wants {
			t.Errorf("%s: matches: %t, want %t", tc.name, got, tc.wants)
		}
	}
}
