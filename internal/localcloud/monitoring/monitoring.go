// Package monitoring is the local cloud's Cloud Monitoring: alert policies,
// notification channels, objectives and time series (v3), and dashboards (v1). Nothing evaluates
// policies and objectives or draws dashboards. Cloud Run's request counts are those of the data plane, those
// of log-based metrics what Cloud Logging writes, and the backlogs of subscriptions those of
// Pub/Sub at the moment of the question.
package monitoring

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
)

type object = map[string]any

const docs = "cloud.google.com/monitoring/access-control"

// Monitoring is the Cloud Monitoring of one project. It is safe for concurrent use.
type Monitoring struct {
	server                        *apiserver.Server
	policies, channels, dashboard *collection.Collection
	services, objectives          *collection.Collection
	series                        *series
	backlogs                      func() []inprocess.Backlog // of subscriptions; nil = there is no Pub/Sub
}

// New returns a Cloud Monitoring without policies, channels and dashboards.
func New(s *apiserver.Server) *Monitoring {
	m := &Monitoring{server: s, series: newSeries()}
	m.policies = collection.New(s, m.policyKind())
	m.channels = collection.New(s, m.channelKind())
	m.dashboard = collection.New(s, dashboards)
	m.services = collection.New(s, m.serviceKind())
	m.objectives = collection.New(s, m.objectiveKind())
	return m
}

// API is Cloud Monitoring as the server serves it.
func (m *Monitoring) API() apiserver.API {
	api := collection.Merged("monitoring", m.policies, m.channels, m.dashboard, m.services, m.objectives)
	api.Routes = append(api.Routes, m.routes()...)
	kinds := api.Reset
	api.Reset = func() {
		kinds()
		m.series.reset()
	}
	return api
}

func (m *Monitoring) policyKind() collection.Kind {
	const audited = "google.monitoring.v3.AlertPolicyService."
	return collection.Kind{
		Documents: []string{"monitoring/v3"}, Collections: []string{"monitoring.projects.alertPolicies"}, Message: "AlertPolicy",
		Permissions: "monitoring.alertPolicies", Source: docs,
		Audit: map[string]string{"create": audited + "CreateAlertPolicy", "patch": audited + "UpdateAlertPolicy",
			"delete": audited + "DeleteAlertPolicy"},
		NewID: apiserver.NewID, Defaults: object{"enabled": true}, Prepare: m.preparePolicy,
	}
}

// conditionKinds is the union of a condition. The discovery document does not say that
// it is one.
var conditionKinds = []string{"conditionAbsent", "conditionMatchedLog", "conditionMonitoringQueryLanguage",
	"conditionPrometheusQueryLanguage", "conditionSql", "conditionThreshold"}

// preparePolicy checks an alert policy and completes it. The limits are those of
// monitoring/quotas and of the discovery document; the words are unverified.
func (m *Monitoring) preparePolicy(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	conditions := apiserver.List(body, "conditions")
	switch {
	case apiserver.Text(body, "displayName") == "":
		return invalid("display_name", "a name is required")
	case !slices.Contains([]string{"AND", "OR", "AND_WITH_MATCHING_RESOURCE"}, apiserver.Text(body, "combiner")):
		return invalid("combiner", "a combiner is required")
	case len(conditions) == 0 || len(conditions) > 6:
		return invalid("conditions", "a policy has 1 to 6 conditions")
	}
	for i, each := range conditions {
		condition, _ := each.(map[string]any)
		field := "conditions[" + strconv.Itoa(i) + "]"
		given := slices.DeleteFunc(slices.Clone(conditionKinds), func(kind string) bool { return condition[kind] == nil })
		if len(given) != 1 {
			return invalid(field, "a condition has exactly one kind")
		}
		limit := apiserver.Object(apiserver.Object(body, "alertStrategy"), "notificationRateLimit")
		if given[0] == "conditionMatchedLog" && limit == nil {
			return invalid("alert_strategy", "a policy with a log-match condition must have a notification rate limit")
		}
		if apiserver.Text(condition, "name") == "" {
			condition["name"] = w.New.Name + "/conditions/" + apiserver.NewID()
		}
	}
	for _, each := range apiserver.List(body, "notificationChannels") {
		name, _ := each.(string)
		if _, ok := m.channels.Get(w.Call.Server().ByID(name)); !ok {
			return apiserver.NotFound("Could not find notification channel %s", name)
		}
	}
	record(w, "mutationRecord")
	return nil
}

func invalid(field, why string) error {
	return apiserver.Invalid("Field alert_policy.%s had an invalid value: %s.", field, why)
}

// record writes who made a resource, and who changed it last.
func record(w *collection.Write, field string) {
	at := object{"mutateTime": collection.Time(w.At), "mutatedBy": w.Call.Caller.Email()}
	if w.Old == nil {
		w.New.Body["creationRecord"] = maps.Clone(at)
	} else {
		w.New.Body["creationRecord"] = w.Old.Body["creationRecord"]
	}
	w.New.Body[field] = at
	if field == "mutationRecords" {
		w.New.Body[field] = []any{at}
	}
}

func (m *Monitoring) channelKind() collection.Kind {
	const audited = "google.monitoring.v3.NotificationChannelService."
	return collection.Kind{
		Documents:   []string{"monitoring/v3"},
		Collections: []string{"monitoring.projects.notificationChannels"}, Message: "NotificationChannel",
		Permissions: "monitoring.notificationChannels", Source: docs,
		Audit: map[string]string{"create": audited + "CreateNotificationChannel", "patch": audited + "UpdateNotificationChannel",
			"delete": audited + "DeleteNotificationChannel"},
		NewID: apiserver.NewID, Defaults: object{"enabled": true}, Prepare: m.prepareChannel, View: hideSecrets,
	}
}

// prepareChannel refuses a channel that leads nowhere, and to delete one that policies
// notify, unless that is forced. The label of each type is documented in
// monitoring/alerts/using-channels-api.
func (m *Monitoring) prepareChannel(w *collection.Write) error {
	if w.New == nil {
		return m.release(w)
	}
	labels := apiserver.Object(w.New.Body, "labels")
	switch kind := apiserver.Text(w.New.Body, "type"); {
	case kind == "":
		return apiserver.Invalid("Field notification_channel.type had an invalid value of %q: it is required.", kind)
	case kind == "email" && !strings.Contains(apiserver.Text(labels, "email_address"), "@"):
		return apiserver.Invalid("Field \"notification_channel.labels['email_address']\" had an invalid value.")
	}
	record(w, "mutationRecords")
	return nil
}

// release takes a channel that is to be deleted out of all policies, if that is forced.
func (m *Monitoring) release(w *collection.Write) error {
	for _, policy := range m.policies.All("") {
		channels := apiserver.List(policy.Body, "notificationChannels")
		kept := slices.DeleteFunc(slices.Clone(channels), func(name any) bool { return w.Call.Server().ByID(name.(string)) == w.Old.Name })
		switch {
		case len(kept) == len(channels):
		case w.Call.Query("force") != "true":
			return apiserver.Precondition("Cannot delete notification channel %s: it is used by alert policy %s.", w.Old.Name,
				policy.Name)
		default:
			policy.Body = maps.Clone(policy.Body)
			policy.Body["notificationChannels"] = kept
			m.policies.Put(policy)
		}
	}
	return nil
}

// hideSecrets shows the labels that hold secrets as asterisks.
// Source: monitoring/api/ref_v3, NotificationChannel.labels.
func hideSecrets(_ collection.Resource, shown map[string]any) {
	for _, secret := range []string{"auth_token", "password", "service_key"} {
		if labels := apiserver.Object(shown, "labels"); labels[secret] != nil {
			labels[secret] = strings.Repeat("*", 8)
		}
	}
}

var dashboards = collection.Kind{
	Documents: []string{"monitoring/v1"}, Collections: []string{"monitoring.projects.dashboards"}, Message: "Dashboard",
	Permissions: "monitoring.dashboards", Source: docs,
	Audit: map[string]string{
		"create": "google.monitoring.dashboard.v1.DashboardsService.CreateDashboard",
		"patch":  "google.monitoring.dashboard.v1.DashboardsService.UpdateDashboard",
		"delete": "google.monitoring.dashboard.v1.DashboardsService.DeleteDashboard",
	},
	// Names have the project's number. Source: a public issue of Google's provider,
	// hashicorp/terraform-provider-google#7242.
	ID: regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`), NewID: apiserver.NewUUID, Replaces: true, Numbered: true,
	Prepare: func(w *collection.Write) error {
		if w.New == nil {
			return nil
		}
		if apiserver.Text(w.New.Body, "displayName") == "" {
			return apiserver.Invalid("Field displayName is required.")
		}
		layouts := 0
		for _, layout := range []string{"gridLayout", "mosaicLayout", "rowLayout", "columnLayout"} {
			if w.New.Body[layout] != nil {
				layouts++
			}
		}
		if layouts != 1 {
			return apiserver.Invalid("A dashboard has exactly one layout.")
		}
		return nil
	},
}
