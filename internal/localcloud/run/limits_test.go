package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withTemplate is a service whose template and only container have more fields.
func withTemplate(template, container string) string {
	return fmt.Sprintf(`{"template":{%s"containers":[{%s"image":"i"}]}}`, template, container)
}

func TestServicesBeyondTheLimitsAreRefused(t *testing.T) {
	limits := func(cpu, memory string) string {
		return withTemplate("", fmt.Sprintf(`"resources":{"limits":{"cpu":%q,"memory":%q}},`, cpu, memory))
	}
	port := func(ports string) string { return withTemplate("", `"ports":[`+ports+`],`) }
	env := func(all string) string { return withTemplate("", `"env":[`+all+`],`) }
	traffic := func(all string) string {
		return `{"traffic":[` + all + `],"template":{"containers":[{"image":"i"}]}}`
	}
	const latest = `"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"`
	for _, tc := range []struct {
		name, body, want string // want is in the message, "" = accepted
	}{
		{"a timeout of 0", withTemplate(`"timeout":"0s",`, ""), "template.timeout"},
		{"an hour", withTemplate(`"timeout":"3600s",`, ""), ""},
		{"more than an hour", withTemplate(`"timeout":"3601s",`, ""), "template.timeout"},
		{"a concurrency of 1000", withTemplate(`"maxInstanceRequestConcurrency":1000,`, ""), ""},
		{"a concurrency of 1001", withTemplate(`"maxInstanceRequestConcurrency":1001,`, ""), "max_instance_request_concurrency"},
		{"a negative concurrency", withTemplate(`"maxInstanceRequestConcurrency":-1,`, ""), "max_instance_request_concurrency"},
		{"fewer instances at most than at least", withTemplate(`"scaling":{"minInstanceCount":3,"maxInstanceCount":2},`, ""),
			"template.scaling.max_instance_count"},
		{"the same for the service", `{"scaling":{"minInstanceCount":3,"maxInstanceCount":2},"template":{"containers":[{"image":"i"}]}}`,
			"scaling.max_instance_count"},
		{"only the least instances", withTemplate(`"scaling":{"minInstanceCount":3},`, ""), ""},
		{"cpu 3", limits("3", "1Gi"), "Invalid value specified for cpu"},
		{"cpu as a word", limits("two", "1Gi"), "Invalid value specified for cpu"},
		{"cpu 2000m", limits("2000m", "1Gi"), ""},
		{"half a cpu with the concurrency of 80", limits("500m", "512Mi"), "Total cpu < 1 is not supported with concurrency > 1."},
		{"half a cpu", withTemplate(`"maxInstanceRequestConcurrency":1,`, `"resources":{"limits":{"cpu":"0.5","memory":"256Mi"}},`), ""},
		{"too much memory for a cpu", limits("1", "8Gi"), "For 1.0 CPU, memory must be between 128Mi and 4Gi inclusive."},
		{"too little memory for four", limits("4", "512Mi"), "For 4.0 CPU, memory must be between 2Gi and 16Gi inclusive."},
		{"memory as a word", limits("1", "lots"), "Invalid value specified for memory"},
		{"two ports", port(`{"containerPort":80},{"containerPort":81}`), "ports"},
		{"a port that is none", port(`{"containerPort":70000}`), "ports"},
		{"a port's name that is none", port(`{"name":"ssh","containerPort":22}`), "ports"},
		{"HTTP/2", port(`{"name":"h2c","containerPort":80}`), ""},
		{"a variable twice", env(`{"name":"A","value":"1"},{"name":"A","value":"2"}`), "'A'"},
		{"a variable without a name", env(`{"value":"1"}`), "env[0].name"},
		{"a reserved variable", env(`{"name":"PORT","value":"1"}`),
			"The following reserved env names were provided: PORT. These values are automatically set by the system."},
		{"no container with a port", `{"template":{"containers":[{"image":"i"},{"image":"j"}]}}`, "exactly one container with an exposed port"},
		{"two containers with ports", `{"template":{"containers":[{"image":"i","ports":[{}]},{"image":"j","ports":[{}]}]}}`,
			"exactly one container with an exposed port"},
		{"a sidecar", `{"template":{"containers":[{"name":"a","image":"i","ports":[{}]},{"name":"b","image":"j"}]}}`, ""},
		{"two containers of one name", `{"template":{"containers":[{"name":"a","image":"i","ports":[{}]},{"name":"a","image":"j"}]}}`,
			"containers[1].name"},
		{"a label in capitals", `{"labels":{"Team":"a"},"template":{"containers":[{"image":"i"}]}}`, "labels: 'Team'"},
		{"a long label", withTemplate(`"labels":{"team":"`+strings.Repeat("a", 64)+`"},`, ""), "template.labels: 'team'"},
		{"an annotation of Google's", `{"annotations":{"run.googleapis.com/x":"a"},"template":{"containers":[{"image":"i"}]}}`,
			"annotations: 'run.googleapis.com/x'"},
		{"annotations that are too large", `{"annotations":{"a":"` + strings.Repeat("a", 256<<10) + `"},"template":{"containers":[{"image":"i"}]}}`,
			"annotations: must have"},
		{"a long description", `{"description":"` + strings.Repeat("a", 513) + `","template":{"containers":[{"image":"i"}]}}`, "description"},
		{"traffic that does not add up", traffic(`{` + latest + `,"percent":50}`), "must sum to 100"},
		{"traffic to what is not there", traffic(`{"type":2,"revision":"b-none","percent":100}`), "'b-none'"},
		{"a tag outside the grammar", traffic(`{` + latest + `,"percent":100,"tag":"Blue"}`), "'Blue'"},
		{"one tag twice", traffic(`{` + latest + `,"percent":100,"tag":"b"},{` + latest + `,"tag":"b"}`), "'b'"},
		{"a tag", traffic(`{"type":1,"percent":100,"tag":"blue"}`), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := start(t)
			status, got := c.call("POST", location+"/services?serviceId=b", tc.body)
			message, _ := at(got, "error", "message").(string)
			if (tc.want == "") != (status == 200) || !strings.Contains(message, tc.want) {
				t.Errorf("%d %v, want %q", status, got, tc.want)
			}
		})
	}
}

func TestARefusedSplitLeavesTheServiceAsItWas(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=b", minimal)
	before := c.get("b")
	if status, _ := c.call("PATCH", location+"/services/b?updateMask=template.timeout,traffic",
		`{"template":{"timeout":"9s"},"traffic":[{"type":2,"revision":"b-none","percent":100}]}`); status != 404 {
		t.Errorf("got %d, want 404", status)
	}
	if diff := cmp.Diff(before, c.get("b")); diff != "" {
		t.Errorf("service (-before +after):\n%s", diff)
	}
}

// states are the conditions of a revision of v2 by type.
func states(revision any) map[string]string {
	all := map[string]string{}
	for _, each := range at(revision, "conditions").([]any) {
		all[at(each, "type").(string)], _ = at(each, "state").(string)
	}
	return all
}

func TestARevisionWithoutTrafficIsRetired(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=b", minimal)
	c.write("PATCH", location+"/services/b?updateMask=template.timeout", `{"template":{"timeout":"9s"}}`)
	revisions := c.must("GET", location+"/services/b/revisions", "")["revisions"].([]any)
	want := map[string]string{"Ready": "CONDITION_SUCCEEDED", "Active": "CONDITION_SUCCEEDED", "ContainerHealthy": "CONDITION_SUCCEEDED",
		"ContainerReady": "CONDITION_SUCCEEDED", "ResourcesAvailable": "CONDITION_SUCCEEDED"}
	if diff := cmp.Diff(want, states(revisions[0])); diff != "" {
		t.Errorf("newest (-want +got):\n%s", diff)
	}
	want["Active"] = "CONDITION_FAILED"
	if diff := cmp.Diff(want, states(revisions[1])); diff != "" {
		t.Errorf("older (-want +got):\n%s", diff)
	}
	name := at(revisions[1], "name").(string)
	older := c.must("GET", knative+"/revisions/"+name[strings.LastIndex(name, "/")+1:], "")
	if got := at(older, "status", "conditions", 1); at(got, "status") != "False" || at(got, "reason") != "Retired" {
		t.Errorf("v1: %v, want Active False, Retired", got)
	}
	// A tag keeps it alive.
	c.write("PATCH", location+"/services/b?updateMask=traffic", fmt.Sprintf(`{"traffic":[{"type":1,"percent":100},{"type":2,"revision":%q,"tag":"old"}]}`,
		name[strings.LastIndex(name, "/")+1:]))
	if got := states(c.must("GET", "/v2/"+name, ""))["Active"]; got != "CONDITION_SUCCEEDED" {
		t.Errorf("a tagged revision is %s", got)
	}
}
