package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// audited are the audit records in short: log, method, resource, service_name,
// status code.
func (c *cloud) audited() []string {
	var all []string
	for _, each := range c.audit() {
		code := 0
		if each.Status != nil {
			code = each.Status.Code
		}
		all = append(all, fmt.Sprintf("%s %s %s %q %d", each.Log, each.Method, each.ResourceName,
			each.Labels["service_name"], code))
	}
	return all
}

func TestWritesAreLoggedByTheCalledAPIsMethod(t *testing.T) {
	c := start(t)
	full := "projects/demo-project/locations/us-central1/services/"
	c.deploy("POST", knative+"/services", deployed)
	c.write("PATCH", location+"/services/hello?updateMask=ingress", `{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY"}`)
	c.replace(func(map[string]any) {})
	policy := `{"policy":{"bindings":[{"role":"roles/run.invoker","members":["allUsers"]}]}}`
	c.must("POST", "/v1/"+full+"hello:setIamPolicy", policy)
	c.must("POST", "/v2/"+full+"hello:setIamPolicy", policy)
	c.write("DELETE", location+"/services/hello", "")
	c.call("PATCH", location+"/services/hello?updateMask=ingress", "{}")
	c.write("POST", location+"/services?serviceId=second", minimal)
	c.call("POST", location+"/services?serviceId=second", minimal)
	c.get("second")
	c.must("POST", location+"/services?serviceId=third&validateOnly=true", minimal)

	want := []string{
		`activity google.cloud.run.v1.Services.CreateService namespaces/demo-project/services/hello "hello" 0`,
		`system_event /Services.CreateService namespaces/demo-project/services/hello "hello" 0`,
		`activity google.cloud.run.v2.Services.UpdateService ` + full + `hello "hello" 0`,
		`system_event /Services.ReplaceService namespaces/demo-project/services/hello "hello" 0`,
		`activity google.cloud.run.v1.Services.ReplaceService namespaces/demo-project/services/hello "hello" 0`,
		`system_event /Services.ReplaceService namespaces/demo-project/services/hello "hello" 0`,
		`activity google.cloud.run.v1.Services.SetIamPolicy ` + full + `hello "" 0`,
		`activity google.cloud.run.v2.Services.SetIamPolicy ` + full + `hello "" 0`,
		`activity google.cloud.run.v2.Services.DeleteService ` + full + `hello "hello" 0`,
		`activity google.cloud.run.v2.Services.UpdateService ` + full + `hello "hello" 5`,
		`activity google.cloud.run.v2.Services.CreateService ` + full + `second "second" 0`,
		`system_event /Services.CreateService namespaces/demo-project/services/second "second" 0`,
		`activity google.cloud.run.v2.Services.CreateService ` + full + `second "second" 6`,
	}
	if diff := cmp.Diff(want, c.audited()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestEntriesShowNoContainers(t *testing.T) {
	c := start(t)
	c.deploy("POST", knative+"/services", deployed)
	c.write("PATCH", location+"/services/hello?updateMask=template.timeout",
		`{"template":{"timeout":"9s","containers":[{"image":"i"}]}}`)
	c.call("PATCH", location+"/services/hello", `{"ingress":"OPEN","template":{"containers":[{"image":"i"}]}}`)
	records := c.audit()
	if len(records) < 4 {
		t.Fatalf("got %d records", len(records))
	}
	for _, each := range records {
		if shown := text(t, []any{each.Request, each.Response}); strings.Contains(shown, "containers") {
			t.Errorf("%s shows containers: %s", each.Method, shown)
		}
		if each.Log == apiserver.Activity && (each.Request["@type"] == nil || each.ResourceType != "cloud_run_revision" ||
			each.Location != "us-central1") {
			t.Errorf("%s: request %v, resource type %q in %q", each.Method, each.Request["@type"], each.ResourceType,
				each.Location)
		}
	}
}
