package localcloud_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
)

const runServices = "/v2/projects/demo-project/locations/us-central1/services"

func TestInstantOperationsHaveEndedWhenAnswered(t *testing.T) {
	base := serve(t, localcloud.Options{OperationTime: -1})
	for _, each := range []struct{ verb, path, body string }{
		{"POST", runServices + "?serviceId=shop", `{"template":{"containers":[{"image":"i"}]}}`},
		{"PATCH", runServices + "/shop?updateMask=ingress", `{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY"}`},
		{"POST", "/v2/projects/demo-project/locations/us-central1/jobs?jobId=nightly", `{"template":{"template":{"containers":[{"image":"i"}]}}}`},
		{"DELETE", runServices + "/shop", ""},
	} {
		status, body := send(t, request(t, each.verb, base+each.path, each.body))
		if status != http.StatusOK || !strings.Contains(body, `"done": true`) || !strings.Contains(body, `"response": {`) {
			t.Errorf("%s %s: %d %s, want an operation that is done", each.verb, each.path, status, body)
		}
	}
	send(t, request(t, "POST", base+"/compute/v1/projects/demo-project/global/backendServices", `{"name":"be"}`))
	_, operations := send(t, request(t, "GET", base+"/compute/v1/projects/demo-project/global/operations", ""))
	if strings.Contains(operations, "RUNNING") {
		t.Errorf("compute's operations: %s, want them done", operations)
	}
}

func TestIAPOfADeletedServiceIsKeptOnDemand(t *testing.T) {
	for keep, want := range map[bool]bool{false: false, true: true} {
		base := serve(t, localcloud.Options{OperationTime: -1, KeepIAPOfDeleted: keep})
		const policy = "/v1/projects/demo-project/iap_web/cloud_run-us-central1/services/shop:"
		create := func() {
			send(t, request(t, "POST", base+runServices+"?serviceId=shop", `{"template":{"containers":[{"image":"i"}]}}`))
		}
		create()
		if status, body := send(t, request(t, "POST", base+policy+"setIamPolicy",
			`{"policy":{"bindings":[{"role":"roles/iap.httpsResourceAccessor","members":["user:alice@example.com"]}]}}`)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		send(t, request(t, "DELETE", base+runServices+"/shop", ""))
		create()
		_, body := send(t, request(t, "POST", base+policy+"getIamPolicy", "{}"))
		if got := strings.Contains(body, "alice"); got != want {
			t.Errorf("keep %t: the next service of the name has %s", keep, body)
		}
	}
}
