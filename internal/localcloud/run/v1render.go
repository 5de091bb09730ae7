package run

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// v1 is the service as the v1 API shows it.
func (s *service) v1() map[string]any {
	path := "/apis/serving.knative.dev/v1/namespaces/" + s.project.Number + "/services/" + s.name
	metadata := map[string]any{
		"name": s.name, "namespace": s.project.Number, "selfLink": path, "uid": s.uid,
		"resourceVersion": resourceVersion(s.updated), "generation": number(s.generation),
		"creationTimestamp": stamp(s.created), "annotations": s.annotationsV1(),
		"labels": merged(apiserver.Object(s.wanted.fields, "labels"), s.wanted.labels,
			map[string]any{locationLabel: s.location}),
	}
	if id := s.multiRegionID(); id != "" {
		apiserver.Object(metadata, "labels")[multiRegionLabel] = id
	}
	if !s.deleted.IsZero() {
		metadata["deletionTimestamp"] = stamp(s.deleted)
	}
	return map[string]any{
		"apiVersion": apiVersion, "kind": "Service", "metadata": metadata,
		"spec": map[string]any{
			"template": templateV1(s.wanted), "traffic": trafficV1(apiserver.List(s.wanted.fields, "traffic"), ""),
		},
		"status": s.statusV1(),
	}
}

func (s *service) annotationsV1() map[string]any {
	fields := s.wanted.fields
	annotations := merged(apiserver.Object(fields, "annotations"), s.wanted.annotations, map[string]any{
		creatorAnnotation: s.creator, modifierAnnotation: s.modifier, operationAnnotation: s.operation,
		ingressAnnotation: knativeIngress(apiserver.Text(fields, "ingress")),
	})
	serviceFields.give(annotations, fields)
	if stage := apiserver.Text(fields, "launchStage"); stage != "GA" {
		annotations[launchStageAnnotation] = stage
	}
	if regions := s.regions(); regions != nil {
		annotations[regionsAnnotation] = strings.Join(regions, ",")
	}
	if audiences := apiserver.List(fields, "customAudiences"); audiences != nil {
		annotations["run.googleapis.com/custom-audiences"] = jsonText(audiences)
	}
	if s.observed > 0 {
		annotations[ingressStatusAnnotation] = knativeIngress(s.ingress)
		if _, all := s.urls(); all != nil {
			annotations[urlsAnnotation] = jsonText(all)
		}
	}
	return annotations
}

// statusV1 is empty until a service was ready once (recorded).
func (s *service) statusV1() map[string]any {
	if s.observed == 0 {
		return map[string]any{}
	}
	ready := conditionV1("Ready", s.readyAt, s.reconciling())
	if s.failure != "" {
		ready["status"], ready["message"] = "False", s.failure
	}
	status := map[string]any{
		"observedGeneration": number(s.observed),
		"conditions": []any{
			ready,
			conditionV1("ConfigurationsReady", s.configurationsAt, false),
			conditionV1("RoutesReady", s.routesAt, s.reconciling()),
		},
		"latestReadyRevisionName": s.latestReady, "latestCreatedRevisionName": s.latestReady,
		"traffic": trafficV1(s.traffic, s.latestReady),
	}
	for _, each := range s.regions() { // with what gcloud shows for its address (its own source)
		_, newer := identity{s.project, each, s.name}.addresses()
		condition := conditionV1("MultiRegionReady/"+each, s.readyAt, s.reconciling())
		condition["message"] = newer
		status["conditions"] = append(status["conditions"].([]any), condition)
	}
	if first, _ := s.urls(); first != "" {
		status["url"], status["address"] = first, map[string]any{"url": first}
	}
	return status
}

func conditionV1(kind string, at time.Time, unknown bool) map[string]any {
	status := "True"
	if unknown {
		status = "Unknown"
	}
	return map[string]any{"type": kind, "status": status, "lastTransitionTime": stamp(at)}
}

// trafficV1 shows targets; in a status, the latest revision has its name.
func trafficV1(targets []any, latest string) []any {
	var all []any
	for _, each := range targets {
		target := each.(map[string]any)
		shown := map[string]any{}
		if name := apiserver.Text(target, "revision"); name != "" {
			shown["revisionName"] = name
		} else {
			shown["latestRevision"] = true
			if latest != "" {
				shown["revisionName"] = latest
			}
		}
		for _, name := range []string{"percent", "tag"} {
			if value, ok := target[name]; ok {
				shown[name] = value
			}
		}
		all = append(all, shown)
	}
	return all
}

// templateV1 is a RevisionTemplate of v1.
func templateV1(of spec) map[string]any {
	template := apiserver.Object(of.fields, "template")
	metadata := map[string]any{
		"annotations": templateAnnotationsV1(template, of.knative),
		"labels": merged(apiserver.Object(template, "labels"), of.templateLabels,
			map[string]any{"run.googleapis.com/startupProbeType": probeType(template)}),
	}
	if name := apiserver.Text(template, "revision"); name != "" {
		metadata["name"] = name
	}
	if len(metadata["annotations"].(map[string]any)) == 0 {
		delete(metadata, "annotations")
	}
	return map[string]any{"metadata": metadata, "spec": revisionSpecV1(template, of.templateSpec)}
}

func templateAnnotationsV1(template map[string]any, only knative) map[string]any {
	annotations := merged(apiserver.Object(template, "annotations"), only.templateAnnotations)
	templateFields.give(annotations, template)
	if environment, ok := strings.CutPrefix(apiserver.Text(template, "executionEnvironment"),
		"EXECUTION_ENVIRONMENT_"); ok {
		annotations["run.googleapis.com/execution-environment"] = strings.ToLower(environment)
	}
	access := apiserver.Object(template, "vpcAccess")
	if connector := apiserver.Text(access, "connector"); connector != "" {
		annotations["run.googleapis.com/vpc-access-connector"] = connector
	}
	for v1, v2 := range egresses {
		if v1 != "all" && v2 == apiserver.Text(access, "egress") {
			annotations["run.googleapis.com/vpc-access-egress"] = v1
		}
	}
	if interfaces := apiserver.List(access, "networkInterfaces"); interfaces != nil {
		annotations["run.googleapis.com/network-interfaces"] = jsonText(interfaces)
	}
	for i, each := range apiserver.List(template, "containers") {
		resources := apiserver.Object(each.(map[string]any), "resources")
		if i == 0 && resources["cpuIdle"] != true {
			annotations["run.googleapis.com/cpu-throttling"] = "false"
		}
		if i == 0 && resources["startupCpuBoost"] == true {
			annotations["run.googleapis.com/startup-cpu-boost"] = "true"
		}
	}
	return annotations
}

func revisionSpecV1(template, only map[string]any) map[string]any {
	shown := merged(only)
	copyFields(shown, template, map[string]string{"serviceAccount": "serviceAccountName",
		"maxInstanceRequestConcurrency": "containerConcurrency"})
	if timeout, err := time.ParseDuration(apiserver.Text(template, "timeout")); err == nil {
		shown["timeoutSeconds"] = number(int(timeout.Seconds()))
	}
	var containers []any
	for _, each := range apiserver.List(template, "containers") {
		containers = append(containers, container(each.(map[string]any), true))
	}
	shown["containers"] = containers
	return shown
}

// v1 is the revision as the v1 API shows it (modelled on a recorded one).
func (r *revision) v1(of *service) map[string]any {
	conditions := []any{map[string]any{"type": "Ready", "status": "Unknown"}}
	if !r.readyAt.IsZero() {
		conditions = nil
		for _, kind := range revisionConditions {
			conditions = append(conditions, conditionV1(kind, r.readyAt, false))
		}
		if !of.serves(r) {
			retired := conditionV1("Active", of.routesAt, false)
			maps.Copy(retired, map[string]any{"status": "False", "reason": "Retired", "message": retiredMessage, "severity": "Info"})
			conditions[1] = retired
		}
	}
	labels := merged(apiserver.Object(r.template, "labels"), r.templateLabels, map[string]any{
		"serving.knative.dev/configuration": of.name, "serving.knative.dev/service": of.name,
		"serving.knative.dev/route": of.name, "serving.knative.dev/serviceUid": of.uid,
		"serving.knative.dev/configurationGeneration": json.Number.String(number(r.number)),
		"run.googleapis.com/startupProbeType":         probeType(r.template), locationLabel: of.location,
	})
	annotations := templateAnnotationsV1(r.template, r.knative)
	maps.Copy(annotations, map[string]any{creatorAnnotation: r.creator})
	return map[string]any{
		"apiVersion": apiVersion, "kind": "Revision",
		"metadata": map[string]any{
			"name": r.name, "namespace": of.project.Number, "uid": r.uid, "generation": number(1),
			"selfLink":        "/apis/serving.knative.dev/v1/namespaces/" + of.project.Number + "/revisions/" + r.name,
			"resourceVersion": resourceVersion(r.updated()), "creationTimestamp": stamp(r.created),
			"labels": labels, "annotations": annotations,
		},
		"spec": revisionSpecV1(r.template, r.templateSpec),
		"status": map[string]any{"observedGeneration": number(1), "conditions": conditions,
			"imageDigest": resolved(r.template)},
	}
}

// resolved is the digest of a revision's first image: its own, or else one that
// follows from the image's name, since no registry is asked here.
func resolved(template map[string]any) string {
	image := ""
	if containers := apiserver.List(template, "containers"); len(containers) > 0 {
		first, _ := containers[0].(map[string]any)
		image = apiserver.Text(first, "image")
	}
	if strings.Contains(image, "@") {
		return image
	}
	return fmt.Sprintf("%s@sha256:%x", image, sha256.Sum256([]byte(image)))
}
