package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// The rules that no discovery document has. Numbers are documented
// (run/quotas, run/docs/configuring); texts are reported for CPU, memory, ports and
// reserved variables, the others are ours (unverified). Paths are those of v2.

// Grammars of names (run/docs/reference/rest/v2, run/docs/configuring/services/labels).
var (
	labelKey      = collection.UpTo(63, `^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]*$`)
	labelValue    = collection.UpTo(63, `^[\p{Ll}\p{Lo}\p{N}_-]*$`)
	annotationKey = collection.UpTo(63, `^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)
	keyDomain     = collection.UpTo(253, `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	trafficTag    = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,44}[a-z0-9])?$`)
	containerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

const (
	maxLabels      = 64
	maxAnnotations = 256 << 10 // bytes of keys and values (kubernetes.io/docs, annotations)
	maxDescription = 512
)

// checkLimits refuses a service, whose defaults are filled in, that cannot run.
func checkLimits(service map[string]any) error {
	template := apiserver.Object(service, "template")
	if len([]rune(apiserver.Text(service, "description"))) > maxDescription {
		return apiserver.Invalid("description: must have at most %d characters.", maxDescription)
	}
	for _, each := range []struct {
		path string
		of   map[string]any
	}{{"", service}, {"template.", template}} {
		if err := checkKeys(each.path, each.of); err != nil {
			return err
		}
		scaling := apiserver.Object(each.of, "scaling")
		if least, most := whole(scaling["minInstanceCount"]), whole(scaling["maxInstanceCount"]); least < 0 || most < 0 ||
			most > 0 && most < least {
			return apiserver.Invalid("%sscaling.max_instance_count: must be greater or equal than min_instance_count.", each.path)
		}
	}
	if timeout, err := time.ParseDuration(apiserver.Text(template, "timeout")); err != nil ||
		timeout < time.Second || timeout > time.Hour {
		return apiserver.Invalid("template.timeout: must be between 1 and 3600 seconds.")
	}
	if concurrency := whole(template["maxInstanceRequestConcurrency"]); concurrency < 1 || concurrency > 1000 {
		return apiserver.Invalid("template.max_instance_request_concurrency: must be between 1 and 1000.")
	}
	return checkContainers(template)
}

func checkKeys(path string, of map[string]any) error {
	labels := apiserver.Object(of, "labels")
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !labelKey.MatchString(key) || !labelValue.MatchString(apiserver.Text(labels, key)) {
			return apiserver.Invalid("%slabels: '%s' is not a valid label: keys and values have up to 63 lower-case letters, "+
				"digits, underscores and hyphens, and keys begin with a letter.", path, key)
		}
	}
	if len(labels) > maxLabels {
		return apiserver.Invalid("%slabels: there are more than %d.", path, maxLabels)
	}
	size := 0
	annotations := apiserver.Object(of, "annotations")
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		domain, name, prefixed := strings.Cut(key, "/")
		if !prefixed {
			domain, name = "any", key
		}
		if !annotationKey.MatchString(name) || !keyDomain.MatchString(domain) || systemKey(key) {
			return apiserver.Invalid("%sannotations: '%s' is not a valid annotation of this API.", path, key)
		}
		size += len(key) + len(apiserver.Text(annotations, key))
	}
	if size > maxAnnotations {
		return apiserver.Invalid("%sannotations: must have at most %d bytes.", path, maxAnnotations)
	}
	return nil
}

// reserved are variables that Cloud Run sets (run/docs/container-contract).
var reserved = []string{"K_CONFIGURATION", "K_REVISION", "K_SERVICE", "PORT"}

func checkContainers(template map[string]any) error {
	containers := apiserver.List(template, "containers")
	ingress, names := 0, map[string]bool{}
	for i, each := range containers {
		container := each.(map[string]any)
		at := fmt.Sprintf("template.containers[%d]", i)
		name := apiserver.Text(container, "name")
		if name != "" && (names[name] || !containerName.MatchString(name)) {
			return apiserver.Invalid("%s.name: '%s' is not a valid name or taken by another container.", at, name)
		}
		names[name] = true
		ports := apiserver.List(container, "ports")
		if len(ports) > 0 {
			ingress++
		}
		if err := checkPorts(at, ports); err != nil {
			return err
		}
		if err := checkVariables(at, apiserver.List(container, "env")); err != nil {
			return err
		}
		if err := checkResources(at, container, template); err != nil {
			return err
		}
	}
	if ingress != 1 {
		return apiserver.Invalid("template.containers: Revision template should contain exactly one container with an exposed port.")
	}
	return nil
}

func checkPorts(at string, ports []any) error {
	for _, each := range ports {
		port := each.(map[string]any)
		number, name := whole(port["containerPort"]), apiserver.Text(port, "name")
		if len(ports) > 1 || number < 1 || number > 65535 || name != "http1" && name != "h2c" {
			return apiserver.Invalid("%s.ports: must be one port from 1 to 65535, named http1 or h2c.", at)
		}
	}
	return nil
}

func checkVariables(at string, variables []any) error {
	known := map[string]bool{}
	for i, each := range variables {
		name := apiserver.Text(each.(map[string]any), "name")
		switch {
		case slices.Contains(reserved, name):
			return apiserver.Invalid("%s.env: The following reserved env names were provided: %s. "+
				"These values are automatically set by the system.", at, name)
		case name == "" || known[name] || strings.ContainsAny(name, "=\x00"):
			return apiserver.Invalid("%s.env[%d].name: '%s' is not a valid name or stands there twice.", at, i, name)
		}
		known[name] = true
	}
	return nil
}

// memories are the bounds of a container's memory in MiB by CPU, from the least CPU
// (run/docs/configuring/services/memory-limits, cpu).
var memories = []struct{ cpu, least, most int64 }{
	{500, 128, 512}, {999, 128, 1024}, {1000, 128, 4096}, {2000, 128, 8192}, {4000, 2048, 16384}, {6000, 4096, 24576},
	{8000, 4096, 32768},
}

func checkResources(at string, container, template map[string]any) error {
	limits := apiserver.Object(apiserver.Object(container, "resources"), "limits")
	cpu, known := quantity(apiserver.Text(limits, "cpu"), 1000)
	if !known || cpu < 80 || cpu > 1000 && cpu != 2000 && cpu != 4000 && cpu != 6000 && cpu != 8000 {
		return apiserver.Invalid("%s.resources.limits.cpu: Invalid value specified for cpu. "+
			"Must be 1, 2, 4, 6, 8, or from 0.08 to less than 1.", at)
	}
	if cpu < 1000 && whole(template["maxInstanceRequestConcurrency"]) > 1 {
		return apiserver.Invalid("%s.resources.limits.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1.", at)
	}
	memory, known := quantity(apiserver.Text(limits, "memory"), 1)
	for _, each := range memories {
		if cpu > each.cpu {
			continue
		}
		if !known || memory < each.least<<20 || memory > each.most<<20 {
			return apiserver.Invalid("%s.resources.limits.memory: Invalid value specified for memory. For %s CPU, memory must be between %s and %s inclusive.",
				at, strconv.FormatFloat(float64(cpu)/1000, 'f', 1, 64), mebibytes(each.least), mebibytes(each.most))
		}
		break
	}
	return nil
}

func mebibytes(n int64) string {
	if n%1024 == 0 {
		return fmt.Sprintf("%dGi", n/1024)
	}
	return fmt.Sprintf("%dMi", n)
}

// quantity reads a quantity of Kubernetes in units of 1/scale.
func quantity(text string, scale float64) (int64, bool) {
	for suffix, factor := range map[string]float64{"m": 0.001, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 1e3, "M": 1e6, "G": 1e9} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			text, scale = digits, scale*factor
			break
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	return int64(number*scale + 0.5), err == nil && number >= 0
}

// checkTraffic refuses traffic that does not add up or goes to what is not there.
func checkTraffic(targets []any, exists func(revision string) bool) error {
	sum, tags := 0, map[string]bool{}
	for i, each := range targets {
		target := each.(map[string]any)
		percent, tag, revision := whole(target["percent"]), apiserver.Text(target, "tag"), apiserver.Text(target, "revision")
		switch {
		case percent < 0 || percent > 100:
			return apiserver.Invalid("traffic[%d].percent: must be between 0 and 100.", i)
		case tag != "" && (tags[tag] || !trafficTag.MatchString(tag)):
			return apiserver.Invalid("traffic[%d].tag: '%s' is not a valid tag or stands there twice.", i, tag)
		case revision != "" && !exists(revision):
			return apiserver.NotFound("Revision '%s' of kind 'REVISION' in traffic does not exist.", revision)
		}
		sum, tags[tag] = sum+percent, true
	}
	if sum != 100 {
		return apiserver.Invalid("traffic: The percentages of all targets must sum to 100, not %d.", sum)
	}
	return nil
}

// whole is a whole number of a message, 0 where there is none.
func whole(value any) int {
	number, _ := value.(json.Number)
	n, _ := strconv.Atoi(number.String())
	return n
}
