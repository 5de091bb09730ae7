package run

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// readKnative reads a Knative Service as a client sends it.
func readKnative(body map[string]any) (spec, error) {
	if body["kind"] != nil && body["kind"] != "Service" || body["apiVersion"] != nil && body["apiVersion"] != apiVersion {
		return spec{}, apiserver.Invalid("apiVersion and kind must be %q and \"Service\".", apiVersion)
	}
	body, err := documentV1().Normalize(serviceV1, body)
	if err != nil {
		return spec{}, apiserver.InvalidSchema(err)
	}
	read := spec{fields: map[string]any{}}
	if err := read.readMetadata(child(body, "metadata")); err != nil {
		return spec{}, err
	}
	inner := apiserver.Object(body, "spec")
	if err := read.readTemplate(apiserver.Object(inner, "template")); err != nil {
		return spec{}, err
	}
	read.fields["traffic"] = readTraffic(apiserver.List(inner, "traffic"))
	if read.fields, err = documentV2().Normalize(serviceV2, read.fields); err != nil {
		return spec{}, apiserver.InvalidSchema(err)
	}
	return read, nil
}

func (s *spec) readMetadata(metadata map[string]any) error {
	annotations := child(metadata, "annotations")
	for _, each := range serverAnnotations {
		delete(annotations, each)
	}
	if text := take(annotations, ingressAnnotation); text != "" {
		ingress, ok := ingresses[text]
		if !ok {
			return apiserver.Invalid("metadata.annotations[%s]: %q is not an ingress setting.", ingressAnnotation, text)
		}
		s.fields["ingress"] = ingress
	}
	if stage := take(annotations, launchStageAnnotation); stage != "" {
		s.fields["launchStage"] = stage
	}
	if list := take(annotations, "run.googleapis.com/custom-audiences"); list != "" {
		var audiences []any
		if err := json.Unmarshal([]byte(list), &audiences); err != nil {
			return apiserver.Invalid("metadata.annotations[run.googleapis.com/custom-audiences]: %q is not a JSON list.", list)
		}
		s.fields["customAudiences"] = audiences
	}
	readRegions(annotations, s.fields)
	serviceFields.take(annotations, s.fields)
	s.fields["annotations"], s.annotations = split(annotations)
	labels := child(metadata, "labels")
	delete(labels, locationLabel)
	delete(labels, multiRegionLabel)
	s.fields["labels"], s.labels = split(labels)
	return nil
}

func (s *spec) readTemplate(sent map[string]any) error {
	template := map[string]any{}
	s.fields["template"] = template
	if sent == nil {
		sent = map[string]any{}
	}
	throttled, boosted, err := s.readTemplateMetadata(child(sent, "metadata"), template)
	if err != nil {
		return err
	}
	s.readRevisionSpec(apiserver.Object(sent, "spec"), template, throttled, boosted)
	return nil
}

// readTemplateMetadata reads what the metadata of a template says about the template, and
// about the CPU of its containers.
func (s *spec) readTemplateMetadata(metadata, template map[string]any) (throttled, boosted bool, err error) {
	if name := apiserver.Text(metadata, "name"); name != "" {
		template["revision"] = name
	}
	annotations := child(metadata, "annotations")
	throttled = !strings.EqualFold(take(annotations, "run.googleapis.com/cpu-throttling"), "false")
	boosted = strings.EqualFold(take(annotations, "run.googleapis.com/startup-cpu-boost"), "true")
	if environment := take(annotations, "run.googleapis.com/execution-environment"); environment != "" &&
		environment != "default" {
		template["executionEnvironment"] = "EXECUTION_ENVIRONMENT_" + strings.ToUpper(environment)
	}
	if err := readNetwork(annotations, template); err != nil {
		return false, false, err
	}
	templateFields.take(annotations, template)
	template["annotations"], s.templateAnnotations = split(annotations)
	labels := child(metadata, "labels")
	delete(labels, locationLabel)
	delete(labels, "run.googleapis.com/startupProbeType")
	template["labels"], s.templateLabels = split(labels)
	return throttled, boosted, nil
}

func (s *spec) readRevisionSpec(sent, template map[string]any, throttled, boosted bool) {
	s.templateSpec = map[string]any{}
	for key, value := range sent {
		switch {
		case key == "serviceAccountName":
			template["serviceAccount"] = value
		case key == "containerConcurrency":
			template["maxInstanceRequestConcurrency"] = value
		case key == "timeoutSeconds":
			template["timeout"] = fmt.Sprint(value) + "s"
		case key == "maxRetries": // of a job's task
			template["maxRetries"] = value
		case key == "containers":
			template["containers"] = readContainers(value.([]any), throttled, boosted)
		default:
			s.templateSpec[key] = value
		}
	}
}

// knativeOnly are fields of a v1 container that v2 does not have and that
// nothing here depends on.
var knativeOnly = []string{"imagePullPolicy", "securityContext", "terminationMessagePath",
	"terminationMessagePolicy", "envFrom"}

func readContainers(list []any, throttled, boosted bool) []any {
	var all []any
	for i, each := range list {
		read := container(each.(map[string]any), false)
		for _, name := range knativeOnly {
			delete(read, name)
		}
		// These stand in annotations of the template and mean every container.
		if resources := child(read, "resources"); i == 0 || len(resources) > 0 {
			if throttled {
				resources["cpuIdle"] = true
			}
			if boosted {
				resources["startupCpuBoost"] = true
			}
		}
		all = append(all, read)
	}
	return all
}

// egresses are the settings of VPC egress in v1 and v2.
var egresses = map[string]string{
	"all": "ALL_TRAFFIC", "all-traffic": "ALL_TRAFFIC", "private-ranges-only": "PRIVATE_RANGES_ONLY",
}

func readNetwork(annotations, template map[string]any) error {
	access := map[string]any{}
	if connector := take(annotations, "run.googleapis.com/vpc-access-connector"); connector != "" {
		access["connector"] = connector
	}
	if egress, ok := egresses[take(annotations, "run.googleapis.com/vpc-access-egress")]; ok {
		access["egress"] = egress
	}
	if list := take(annotations, "run.googleapis.com/network-interfaces"); list != "" {
		var interfaces []any
		if err := json.Unmarshal([]byte(list), &interfaces); err != nil {
			return apiserver.Invalid("run.googleapis.com/network-interfaces: %q is not a JSON list.", list)
		}
		access["networkInterfaces"] = interfaces
	}
	if len(access) > 0 {
		template["vpcAccess"] = access
	}
	return nil
}

func readTraffic(sent []any) []any {
	var all []any
	for _, each := range sent {
		object := each.(map[string]any)
		target := map[string]any{"type": latestTraffic}
		if name := apiserver.Text(object, "revisionName"); name != "" {
			target["type"], target["revision"] = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", name
		}
		for _, name := range []string{"percent", "tag"} {
			if value, ok := object[name]; ok {
				target[name] = value
			}
		}
		all = append(all, target)
	}
	return all
}
