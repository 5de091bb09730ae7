package monitoring

import (
	"encoding/json"
	"regexp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const auditedServices = "google.monitoring.v3.ServiceMonitoringService."

// objectiveID is the grammar of the ids of services and objectives.
// Source: monitoring/api/ref_v3/rest/v3/services/create, serviceId.
var objectiveID = regexp.MustCompile(`^[a-z0-9_.-]{1,63}$`)

// serviceKind are services that a person defined. Deleting one deletes its objectives.
func (m *Monitoring) serviceKind() collection.Kind {
	return collection.Kind{
		Documents: []string{"monitoring/v3"}, Collections: []string{"monitoring.services"}, Message: "Service",
		Permissions: "monitoring.services", Source: docs, InProjects: true, Numbered: true,
		Audit: map[string]string{"create": auditedServices + "CreateService", "patch": auditedServices + "UpdateService",
			"delete": auditedServices + "DeleteService"},
		ID: objectiveID, NewID: apiserver.NewUUID, Prepare: prepareService,
		Changed: func(w *collection.Write) {
			if w.New != nil {
				return
			}
			for _, each := range m.objectives.All(w.Old.Name + "/serviceLevelObjectives") {
				m.objectives.Drop(each.Name)
			}
		},
	}
}

// prepareService refuses services of a kind that is not served.
func prepareService(w *collection.Write) error {
	switch {
	case w.New == nil:
	case w.New.Body["custom"] == nil:
		return apiserver.Invalid("Field service had an invalid value: only custom services are served here.")
	case apiserver.Text(w.New.Body, "displayName") == "":
		w.New.Body["displayName"] = w.New.Name
	}
	return nil
}

// objectiveKind are the objectives of services.
func (m *Monitoring) objectiveKind() collection.Kind {
	return collection.Kind{
		Documents: []string{"monitoring/v3"}, Collections: []string{"monitoring.services.serviceLevelObjectives"},
		Message: "ServiceLevelObjective", Permissions: "monitoring.slos", Source: docs, InProjects: true, Numbered: true,
		Audit: map[string]string{"create": auditedServices + "CreateServiceLevelObjective",
			"patch":  auditedServices + "UpdateServiceLevelObjective",
			"delete": auditedServices + "DeleteServiceLevelObjective"},
		ID: objectiveID, NewID: apiserver.NewUUID, Within: m.services, Prepare: prepareObjective,
	}
}

// prepareObjective refuses an objective without an indicator, a goal or a period.
// Source: monitoring/api/ref_v3/rest/v3/services.serviceLevelObjectives.
func prepareObjective(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	number, _ := body["goal"].(json.Number)
	goal, err := number.Float64()
	switch {
	case len(apiserver.Object(body, "serviceLevelIndicator")) != 1:
		return invalidObjective("service_level_indicator", "exactly one kind of indicator is required")
	case err != nil || goal <= 0 || goal > 0.9999:
		return invalidObjective("goal", "it is over 0 and at most 0.9999")
	case (body["rollingPeriod"] == nil) == (body["calendarPeriod"] == nil):
		return invalidObjective("period", "exactly one kind of period is required")
	}
	return nil
}

func invalidObjective(field, why string) error {
	return apiserver.Invalid("Field service_level_objective.%s had an invalid value: %s.", field, why)
}
