package run

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	ingressAll    = "INGRESS_TRAFFIC_ALL"
	latestTraffic = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
)

// Names as the API's reference has them (run/docs/reference/rest/v2).
var (
	serviceName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,47}[a-z0-9])?$`)
	region      = regexp.MustCompile(`^([a-z]+-[a-z]+[0-9]{1,2}|global)$`)
)

// withDefaults fills in what the server fills in (recorded on a minimal
// service) and refuses a spec that cannot run.
func withDefaults(spec map[string]any, of identity) (map[string]any, error) {
	full := apiserver.Clone(spec)
	delete(full, "name")
	delete(full, "etag")
	setDefault(full, "ingress", ingressAll)
	setDefault(full, "launchStage", "GA")
	setDefault(full, "traffic", allToLatest)
	template := child(full, "template")
	setDefault(template, "timeout", "300s")
	setDefault(template, "serviceAccount", of.project.DefaultAccount())
	setDefault(template, "maxInstanceRequestConcurrency", json.Number("80"))
	containers := apiserver.List(template, "containers")
	if len(containers) == 0 {
		return nil, apiserver.Invalid("template.containers: at least one container must be specified.")
	}
	for i, each := range containers {
		container := each.(map[string]any)
		if apiserver.Text(container, "image") == "" {
			return nil, apiserver.Invalid("template.containers[%d].image: must be specified.", i)
		}
		containerDefaults(container, len(containers) == 1 || container["ports"] != nil)
	}
	if name := apiserver.Text(template, "revision"); name != "" && !strings.HasPrefix(name, of.name+"-") {
		return nil, apiserver.Invalid("template.revision: %q must begin with the name of the service and a hyphen.", name)
	}
	return full, checkLimits(full)
}

func containerDefaults(container map[string]any, ingress bool) {
	resources, sent := container["resources"].(map[string]any)
	if !sent {
		// Resources that were sent must say cpuIdle themselves (API reference).
		resources = defaultResources
		container["resources"] = resources
	}
	limitDefaults(resources)
	if !ingress {
		return // a sidecar has no port
	}
	setDefault(container, "ports", defaultPorts)
	port := apiserver.List(container, "ports")[0].(map[string]any)
	setDefault(port, "name", "http1")
	setDefault(port, "containerPort", json.Number("8080"))
	setDefault(container, "startupProbe", defaultProbe(port["containerPort"]))
	for _, name := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		probe := apiserver.Object(container, name)
		if probe == nil {
			continue
		}
		// Documented at run/docs/reference/rest/v2/Container#Probe.
		setDefault(probe, "timeoutSeconds", json.Number("1"))
		setDefault(probe, "periodSeconds", json.Number("10"))
		setDefault(probe, "failureThreshold", json.Number("3"))
		for _, action := range []string{"tcpSocket", "httpGet", "grpc"} {
			if inner := apiserver.Object(probe, action); inner != nil {
				setDefault(inner, "port", port["containerPort"])
			}
		}
		if get := apiserver.Object(probe, "httpGet"); get != nil {
			setDefault(get, "path", "/")
		}
	}
}

// What most services have by default is there once: nothing that is kept changes.
var (
	allToLatest      = []any{map[string]any{"type": latestTraffic, "percent": json.Number("100")}}
	defaultResources = map[string]any{"cpuIdle": true, "limits": map[string]any{"memory": "512Mi", "cpu": "1000m"}}
	defaultPorts     = []any{map[string]any{"name": "http1", "containerPort": json.Number("8080")}}
	usualProbe       = probeOf(json.Number("8080"))
)

// defaultProbe is the startup probe of a container that brings none (recorded).
func defaultProbe(port any) map[string]any {
	if port == json.Number("8080") {
		return usualProbe
	}
	return probeOf(port)
}

func probeOf(port any) map[string]any {
	return map[string]any{
		"timeoutSeconds": json.Number("240"), "periodSeconds": json.Number("240"), "failureThreshold": json.Number("1"),
		"tcpSocket": map[string]any{"port": port},
	}
}

// probeType is what v1 labels a template with: whether its startup probe is the
// default one. Default is recorded, Custom is reported.
func probeType(template map[string]any) string {
	for _, each := range apiserver.List(template, "containers") {
		container := each.(map[string]any)
		ports := apiserver.List(container, "ports")
		if len(ports) > 0 && !reflect.DeepEqual(container["startupProbe"], defaultProbe(ports[0].(map[string]any)["containerPort"])) {
			return "Custom"
		}
	}
	return "Default"
}

func limitDefaults(resources map[string]any) {
	limits := child(resources, "limits")
	setDefault(limits, "memory", "512Mi")
	setDefault(limits, "cpu", "1000m")
}

func setDefault(object map[string]any, key string, value any) {
	if _, ok := object[key]; !ok {
		object[key] = value
	}
}

// child is the object at key, made if it is missing.
func child(object map[string]any, key string) map[string]any {
	inner, ok := object[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		object[key] = inner
	}
	return inner
}

// regionCodes are what run.app addresses have for a region, where they are
// known; others are made up of initials (unverified).
var regionCodes = map[string]string{
	"us-central1": "uc", "us-east1": "ue", "us-east4": "uk", "us-west1": "uw", "europe-west1": "ew", "europe-west2": "nw",
	"europe-west3": "ey", "europe-west4": "ez", "europe-north1": "lz", "asia-east1": "de", "asia-northeast1": "an",
}

// addresses are the two default URLs of a service: the older one, with a hash
// of the project and a code of the region, and the one with the project's
// number.
func (i identity) addresses() (older, newer string) {
	code, ok := regionCodes[i.location]
	if !ok {
		area, place, _ := strings.Cut(i.location, "-")
		code = area[:1] + (place + "x")[:1]
	}
	sum := sha256.Sum256([]byte(i.project.Number))
	hash := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:10]
	return fmt.Sprintf("https://%s-%s-%s.a.run.app", i.name, hash, code),
		fmt.Sprintf("https://%s-%s.%s.run.app", i.name, i.project.Number, i.location)
}
