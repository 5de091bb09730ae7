package deploy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/function"
)

func TestTheServiceIsGivenTheEnvironmentThatServeReads(t *testing.T) {
	inEveryShape(t, func(t *testing.T, scope string, all resources) {
		_, template, container := serviceOf(t, all)
		var environ, names []string
		for _, variable := range blocks(container, "env") {
			names = append(names, variable["name"].(string))
			environ = append(environ, variable["name"].(string)+"="+variable["value"].(string))
		}
		for _, name := range names {
			if !slices.Contains(function.Variables(), name) {
				t.Errorf("%s is set, and serve does not read it", name)
			}
		}
		for _, name := range []string{"IAPGUARD_POLICY", "IAPGUARD_HOLDS", "IAPGUARD_REPORTS_TOPIC", "IAPGUARD_WORK_TOPIC",
			"IAPGUARD_MEMORY", "IAPGUARD_SELF", "GOMEMLIMIT"} {
			if !slices.Contains(names, name) {
				t.Errorf("%s is not set", name)
			}
		}
		config, err := function.ReadConfig(environ)
		if err != nil {
			t.Fatalf("serve would not start: %v", err)
		}
		got := []string{config.ReportsTopic, config.WorkTopic, config.Memory, config.Self}
		want := []string{project + "/topics/iapguard-reports", project + "/topics/iapguard-work",
			"gs://iapguard-memory-" + number, fmt.Sprint(template["service_account"])}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("topics, memory and own account (-module +as serve reads it):\n%s", diff)
		}
		for _, path := range []string{config.Policy, config.Holds, config.MemoryKey} {
			if path != "" && !mountedAt(template, path) {
				t.Errorf("%s is not a file that is mounted", path)
			}
		}
	})
}

// mountedAt reports whether a path is one of the files that a container mounts.
func mountedAt(template map[string]any, path string) bool {
	for _, mount := range blocks(first(template, "containers"), "volume_mounts") {
		for _, volume := range blocks(template, "volumes") {
			if volume["name"] == mount["name"] && path == fmt.Sprint(mount["mount_path"], "/",
				first(first(volume, "secret"), "items")["path"]) {
				return true
			}
		}
	}
	return false
}
