package run

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	serviceTypes = "type.googleapis.com/google.cloud.run.v2."
	serviceType  = serviceTypes + "Service"
)

// v2 is the service as the v2 API shows it.
func (s *service) v2() map[string]any {
	shown := apiserver.Clone(s.wanted.fields)
	name := s.fullName()
	maps.Copy(shown, map[string]any{
		"name": name, "uid": s.uid, "generation": string(number(s.generation)),
		"createTime": stamp(s.created), "updateTime": stamp(s.updated),
		"creator": s.creator, "lastModifier": s.modifier,
		"terminalCondition": s.terminalCondition(), "etag": etag(s.updated, name),
	})
	delete(shown, "ingress")
	if s.reconciling() {
		shown["reconciling"] = true
	}
	if !s.deleted.IsZero() {
		shown["deleteTime"], shown["expireTime"] = stamp(s.deleted), stamp(s.deleted.Add(retention))
	}
	if s.observed > 0 {
		maps.Copy(shown, s.observedFields())
	}
	return shown
}

// observedFields are those that appear when a service was ready once.
func (s *service) observedFields() map[string]any {
	revisions := s.fullName() + "/revisions/"
	fields := map[string]any{
		"ingress": s.ingress, "observedGeneration": string(number(s.observed)),
		"conditions": []any{
			map[string]any{"type": "RoutesReady", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": stamp(s.routesAt)},
			map[string]any{"type": "ConfigurationsReady", "state": "CONDITION_SUCCEEDED",
				"lastTransitionTime": stamp(s.configurationsAt)},
		},
		"latestReadyRevision": revisions + s.latestReady, "latestCreatedRevision": revisions + s.latestReady,
		"trafficStatuses": apiserver.Clone(s.traffic),
	}
	first, all := s.urls()
	if first != "" {
		fields["uri"] = first
	}
	if all != nil {
		fields["urls"] = all
	}
	return fields
}

// terminalCondition has no type before the first readiness, and keeps the old
// transition time while pending (recorded).
func (s *service) terminalCondition() map[string]any {
	condition := map[string]any{"state": "CONDITION_PENDING"}
	if s.observed > 0 {
		condition["type"], condition["lastTransitionTime"] = "Ready", stamp(s.readyAt)
	}
	switch {
	case s.failure != "":
		condition["type"], condition["state"], condition["message"] = "Ready", "CONDITION_FAILED", s.failure
	case !s.reconciling():
		condition["state"] = "CONDITION_SUCCEEDED"
	}
	return condition
}

// v2 is the revision as the v2 API shows it (API reference; unverified beyond
// its field names).
func (r *revision) v2(of *service) map[string]any {
	shown := apiserver.Clone(r.template)
	name := of.fullName() + "/revisions/" + r.name
	maps.Copy(shown, map[string]any{
		"name": name, "uid": r.uid, "generation": "1", "service": of.name, "createTime": stamp(r.created),
		"updateTime": stamp(r.updated()), "launchStage": r.launch, "etag": etag(r.updated(), name), "creator": r.creator,
	})
	if r.readyAt.IsZero() {
		shown["reconciling"] = true
		shown["conditions"] = []any{map[string]any{"type": "Ready", "state": "CONDITION_PENDING"}}
		return shown
	}
	shown["observedGeneration"] = "1"
	var conditions []any
	for _, kind := range revisionConditions {
		condition := map[string]any{"type": kind, "state": "CONDITION_SUCCEEDED", "lastTransitionTime": stamp(r.readyAt)}
		if kind == "Active" && !of.serves(r) {
			maps.Copy(condition, map[string]any{"state": "CONDITION_FAILED", "severity": "INFO", "revisionReason": "RETIRED",
				"message": retiredMessage, "lastTransitionTime": stamp(of.routesAt)})
		}
		conditions = append(conditions, condition)
	}
	shown["conditions"] = conditions
	return shown
}

// revisionConditions are the conditions of a revision that is ready (reported, as
// is what a retired one says; its state in v2 is unverified).
var revisionConditions = []string{"Ready", "Active", "ContainerHealthy", "ContainerReady", "ResourcesAvailable"}

const retiredMessage = "Revision retired."

// serves reports whether a revision gets traffic or has an address of its own.
func (s *service) serves(r *revision) bool {
	return slices.ContainsFunc(s.traffic, func(each any) bool {
		target := each.(map[string]any)
		name := cmp.Or(apiserver.Text(target, "revision"), s.latestReady)
		return name == r.name && (whole(target["percent"]) > 0 || apiserver.Text(target, "tag") != "")
	})
}

func (r *revision) updated() time.Time {
	if r.readyAt.IsZero() {
		return r.created
	}
	return r.readyAt
}

// typed is an object under its type, as in an operation.
func typed(object map[string]any, typeURL string) map[string]any {
	object["@type"] = typeURL
	return object
}
