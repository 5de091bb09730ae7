package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/report"
)

// incident is what Cloud Monitoring publishes when the alert on refused requests opens for a
// service. Source: monitoring/support/notification-options, schema 1.2.
const incident = `{"version":"1.2","incident":{"incident_id":"0.abc","scoping_project_id":"demo-project",
	"scoping_project_number":123456789012,"started_at":1772359200,"state":"open","policy_name":"iapguard: visitors are refused",
	"condition_name":"Cloud Run refuses requests","resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project",
	"location":"us-central1","service_name":"hello"}}}}`

// The alert's topic leads to the function by a subscription and an account of its own. What
// cannot be delivered from there is not among the other dead letters.
func TestTheAlertOnRefusedRequestsWakesTheFunction(t *testing.T) {
	e := open(t, asShipped, map[string]any{"refused_requests": "alert"})
	e.Build(worldwide) // before the function could see it
	e.apply()
	e.Publish(project+"/topics/iapguard-refused", incident)
	e.until("hello is looked at because of the alert", func() bool {
		return slices.ContainsFunc(e.about("hello"),
			func(r report.Report) bool { return r.Cause.Kind == "alert" })
	})
	e.Idle()
	for _, each := range e.Broker.State() {
		refused := strings.HasSuffix(each.Name, "/iapguard-refused")
		if refused && each.Acknowledged != 1 || len(each.Unacknowledged) > 0 {
			t.Errorf("%s: %d acknowledged, not acknowledged: %v", each.Name, each.Acknowledged,
				each.Unacknowledged)
		}
	}
	for _, alert := range e.all("google_monitoring_alert_policy") {
		if alert.Address != "google_monitoring_alert_policy.refused_requests[0]" {
			continue
		}
		conditions := blocks(alert.Values, "conditions")
		run := slices.IndexFunc(conditions,
			func(c map[string]any) bool { return c["display_name"] == "Cloud Run refuses requests" })
		by := first(first(conditions[run], "condition_threshold"), "aggregations")["group_by_fields"].([]any)
		want := []any{"resource.label.project_id", "resource.label.location", "resource.label.service_name"}
		if !slices.Equal(by, want) {
			t.Errorf("an incident is grouped by %v, want %v, by which the function finds the service", by, want)
		}
		return
	}
	t.Error("there is no alert on refused requests")
}
