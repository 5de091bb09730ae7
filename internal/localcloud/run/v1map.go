package run

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Annotations that v1 and v2 say in their own ways
// (run/docs/reference/rest/v1/ObjectMeta).
const (
	ingressAnnotation       = "run.googleapis.com/ingress"
	ingressStatusAnnotation = "run.googleapis.com/ingress-status"
	launchStageAnnotation   = "run.googleapis.com/launch-stage"
	operationAnnotation     = "run.googleapis.com/operation-id"
	urlsAnnotation          = "run.googleapis.com/urls"
	creatorAnnotation       = "serving.knative.dev/creator"
	modifierAnnotation      = "serving.knative.dev/lastModifier"
	locationLabel           = "cloud.googleapis.com/location"
)

// ingresses are the settings of ingress in v1 and v2.
var ingresses = map[string]string{
	"all": ingressAll, "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
	"internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "none": "INGRESS_TRAFFIC_NONE",
}

func knativeIngress(v2 string) string {
	for v1, each := range ingresses {
		if each == v2 {
			return v1
		}
	}
	return ""
}

// sharedFields are the annotations of v1 that are fields of v2, with the names of
// those fields, by the type that the field has.
type sharedFields struct{ texts, flags, numbers map[string]string }

// serviceFields are those of the service, templateFields those of its template.
var (
	serviceFields = sharedFields{
		texts: map[string]string{
			"run.googleapis.com/client-name": "client", "run.googleapis.com/client-version": "clientVersion",
			"run.googleapis.com/description": "description",
		},
		flags: map[string]string{
			"run.googleapis.com/invoker-iam-disabled": "invokerIamDisabled", "run.googleapis.com/iap-enabled": "iapEnabled",
			"run.googleapis.com/default-url-disabled": "defaultUriDisabled",
		},
		numbers: map[string]string{
			"run.googleapis.com/minScale": "minInstanceCount", "run.googleapis.com/maxScale": "maxInstanceCount",
		},
	}
	templateFields = sharedFields{
		texts: map[string]string{
			"run.googleapis.com/client-name": "client", "run.googleapis.com/client-version": "clientVersion",
			"run.googleapis.com/encryption-key": "encryptionKey",
		},
		flags: map[string]string{"run.googleapis.com/sessionAffinity": "sessionAffinity"},
		numbers: map[string]string{
			"autoscaling.knative.dev/minScale": "minInstanceCount", "autoscaling.knative.dev/maxScale": "maxInstanceCount",
		},
	}
)

// serverAnnotations are written by the server alone; clients send them back.
var serverAnnotations = []string{ingressStatusAnnotation, operationAnnotation, urlsAnnotation, creatorAnnotation,
	modifierAnnotation}

// systemKey reports whether a key is in a namespace of Google's. v2 refuses those
// in annotations and labels (API reference).
func systemKey(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	return found && slices.Contains([]string{"run.googleapis.com", "cloud.googleapis.com", "serving.knative.dev",
		"autoscaling.knative.dev", "client.knative.dev"}, domain)
}

// split separates the annotations or labels that v2 shows from those that only v1 does.
func split(all map[string]any) (shared, own map[string]any) {
	shared, own = map[string]any{}, map[string]any{}
	for key, value := range all {
		if systemKey(key) {
			own[key] = value
		} else {
			shared[key] = value
		}
	}
	return shared, own
}

// take removes a key from annotations and returns its text.
func take(annotations map[string]any, key string) string {
	text := apiserver.Text(annotations, key)
	delete(annotations, key)
	return text
}

// take moves annotations into the fields of v2 that say the same.
func (s sharedFields) take(annotations, fields map[string]any) {
	for annotation, name := range s.texts {
		if text := take(annotations, annotation); text != "" {
			fields[name] = text
		}
	}
	for annotation, name := range s.flags {
		if strings.EqualFold(take(annotations, annotation), "true") {
			fields[name] = true
		}
	}
	for annotation, name := range s.numbers {
		if text := take(annotations, annotation); text != "" && text != "0" {
			child(fields, "scaling")[name] = text
		}
	}
}

// give is the opposite of take.
func (s sharedFields) give(annotations, fields map[string]any) {
	for annotation, name := range s.texts {
		if text := apiserver.Text(fields, name); text != "" {
			annotations[annotation] = text
		}
	}
	for annotation, name := range s.flags {
		if fields[name] == true {
			annotations[annotation] = "true"
		}
	}
	for annotation, name := range s.numbers {
		if number, ok := apiserver.Object(fields, "scaling")[name].(json.Number); ok {
			annotations[annotation] = number.String()
		}
	}
}

// container turns a container of one API into one of the other: they differ in
// where an environment variable's secret stands.
func container(from map[string]any, toV1 bool) map[string]any {
	copied := apiserver.Clone(from)
	for _, each := range apiserver.List(copied, "env") {
		variable, _ := each.(map[string]any)
		if toV1 {
			moveSecret(variable, "valueSource", "valueFrom", map[string]string{"secret": "name", "version": "key"})
		} else {
			moveSecret(variable, "valueFrom", "valueSource", map[string]string{"name": "secret", "key": "version"})
		}
	}
	resources := apiserver.Object(copied, "resources")
	if toV1 && resources != nil {
		delete(resources, "cpuIdle")
		delete(resources, "startupCpuBoost")
	}
	for key, value := range copied {
		if message, ok := value.(map[string]any); ok && len(message) == 0 {
			delete(copied, key)
		}
	}
	return copied
}

func moveSecret(variable map[string]any, from, to string, names map[string]string) {
	reference := apiserver.Object(apiserver.Object(variable, from), "secretKeyRef")
	delete(variable, from)
	if reference == nil {
		return
	}
	moved := map[string]any{}
	for key, value := range reference {
		if name, ok := names[key]; ok {
			moved[name] = value
		}
	}
	variable[to] = map[string]any{"secretKeyRef": moved}
}

// keepFieldsOfV2 carries over what a v1 request cannot say, so that a replace
// through v1 does not lose it.
func keepFieldsOfV2(wanted *spec, old spec) {
	for _, name := range []string{"binaryAuthorization", "buildConfig", "functionalType", "sshEnabled"} {
		if value, ok := old.fields[name]; ok {
			wanted.fields[name] = value
		}
	}
	template, before := child(wanted.fields, "template"), apiserver.Object(old.fields, "template")
	shared := map[string]bool{"annotations": true, "labels": true, "client": true, "clientVersion": true,
		"containers":                    true,
		"maxInstanceRequestConcurrency": true, "revision": true, "scaling": true, "serviceAccount": true, "timeout": true,
		"sessionAffinity": true, "executionEnvironment": true, "vpcAccess": true, "encryptionKey": true}
	for name, value := range before {
		if !shared[name] {
			template[name] = value
		}
	}
}

// merged is the union of objects; later ones win.
func merged(all ...map[string]any) map[string]any {
	union := map[string]any{}
	for _, each := range all {
		maps.Copy(union, apiserver.Clone(each))
	}
	return union
}

// jsonText is a value as the annotations of v1 hold lists.
func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}
