package localcloud_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
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

// visitData is the answer of the data plane to a GET of https://HOST/.
func visitData(cloud *localcloud.Cloud, host string) (status int, body string) {
	request := httptest.NewRequest("GET", "http://"+host+"/", nil)
	request.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	cloud.DataPlane().ServeHTTP(w, request)
	return w.Code, w.Body.String()
}

func TestTagAddressesLeadToTheirRevisions(t *testing.T) {
	for _, tc := range []struct {
		name            string
		host            string
		urlOff, keep    bool
		status          int
		ofFirstRevision bool
	}{
		{"the tag of an older revision", "old---shop", false, false, 200, true},
		{"the tag of the latest revision", "new---shop", false, false, 200, false},
		{"a tag that there is not", "none---shop", false, false, 404, false},
		{"a tag that is empty", "---shop", false, false, 404, false},
		{"the service itself", "shop", false, false, 200, false},
		{"the default URL is off", "old---shop", true, false, 404, false},
		{"the default URL is off, and tags are kept", "old---shop", true, true, 200, true},
		{"the default URL itself, where tags are kept", "shop", true, true, 404, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cloud := localcloud.New(localcloud.Options{OperationTime: -1, Beliefs: belief.Beliefs{KeepTagURLs: tc.keep}, Discovery: discovery.Judge(t)})
			server := httptest.NewServer(cloud)
			t.Cleanup(func() { server.Close(); cloud.Close() })
			call := func(method, path, body string) string {
				t.Helper()
				status, text := send(t, request(t, method, server.URL+path, body))
				if status != http.StatusOK {
					t.Fatalf("%s %s: %d %s", method, path, status, text)
				}
				return text
			}
			call("POST", runServices+"?serviceId=shop",
				`{"invokerIamDisabled":true,"template":{"revision":"shop-first","containers":[{"image":"i"}]}}`)
			call("PATCH", runServices+"/shop?updateMask=template,traffic,defaultUriDisabled", `{"template":{"revision":"shop-second",
				"containers":[{"image":"j"}]},"traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","percent":100,"tag":"new"},
				{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION","revision":"shop-first","tag":"old"}],
				"defaultUriDisabled":`+strconv.FormatBool(tc.urlOff)+`}`)
			for _, suffix := range []string{"-123456789012.us-central1.run.app", "-fiztjht6mb-uc.a.run.app"} {
				status, body := visitData(cloud, tc.host+suffix)
				want := ""
				if tc.status == http.StatusOK {
					if want = `"shop-second"`; tc.ofFirstRevision {
						want = `"shop-first"`
					}
				}
				if status != tc.status || !strings.Contains(body, want) {
					t.Errorf("%s%s: %d %s, want %d of revision %s", tc.host, suffix, status, body, tc.status, want)
				}
			}
		})
	}
}

func TestIAPOfADeletedServiceIsKeptOnDemand(t *testing.T) {
	for keep, want := range map[bool]bool{false: false, true: true} {
		base := serve(t, localcloud.Options{OperationTime: -1, Beliefs: belief.Beliefs{KeepIAPOfDeleted: keep}})
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

func TestAFailedUpdateTakesEffectOnDemand(t *testing.T) {
	for apply, want := range map[bool]string{false: "INGRESS_TRAFFIC_ALL", true: "INGRESS_TRAFFIC_INTERNAL_ONLY"} {
		base := serve(t, localcloud.Options{OperationTime: -1, Beliefs: belief.Beliefs{ApplyFailedUpdates: apply}})
		send(t, request(t, "POST", base+runServices+"?serviceId=shop", `{"template":{"containers":[{"image":"i"}]}}`))
		send(t, request(t, "POST", base+"/_local/faults",
			`[{"action":"fail-operation","method":"run.projects.locations.services.patch","message":"no"}]`))
		status, body := send(t, request(t, "PATCH", base+runServices+"/shop?updateMask=ingress",
			`{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY"}`))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		if _, body = send(t, request(t, "GET", base+runServices+"/shop", "")); !strings.Contains(body, `"`+want+`"`) {
			t.Errorf("failed updates take effect: %t: %s lacks %s", apply, body, want)
		}
	}
}
