package serviceusage_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/serviceusage"
)

func newKernel(t *testing.T, audit func(apiserver.AuditRecord)) *apiserver.Server {
	s := apiserver.New(apiserver.Options{
		Observe: discovery.Judge(t).Observe, Clock: time.Now, Audit: audit, OperationTime: time.Second,
	})
	s.Serve(serviceusage.New(s))
	return s
}

func call(t *testing.T, s *apiserver.Server, verb, path, body string) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(verb, path, strings.NewReader(body)))
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s: %v: %s", verb, path, err, w.Body)
	}
	return w.Code, answer
}

func TestTheServiceAgentIsAnsweredAtOnceAndAlwaysTheSame(t *testing.T) {
	s := newKernel(t, nil)
	defer s.Close()
	const path = "/services/iap.googleapis.com:generateServiceIdentity"
	status, first := call(t, s, "POST", "/v1beta1/projects/demo-project"+path, "")
	response, _ := first["response"].(map[string]any)
	if status != 200 || first["done"] != true || first["name"] != "operations/finished.DONE_OPERATION" ||
		response["email"] != "service-123456789012@gcp-sa-iap.iam.gserviceaccount.com" || response["uniqueId"] == "" {
		t.Errorf("%d %v", status, first)
	}
	_, again := call(t, s, "POST", "/v1beta1/projects/123456789012"+path, "")
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("a second call (-first +second):\n%s", diff)
	}
}

func TestAnAPIWithoutAnAgentHasAnEmptyIdentity(t *testing.T) {
	s := newKernel(t, nil)
	defer s.Close()
	_, answer := call(t, s, "POST", "/v1beta1/projects/demo-project/services/logging.googleapis.com:generateServiceIdentity", "")
	want := map[string]any{"@type": "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity"}
	if diff := cmp.Diff(want, answer["response"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnablingAndDisablingAreOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKernel(t, nil)
		defer s.Close()
		state := func() any {
			_, service := call(t, s, "GET", "/v1/projects/demo-project/services/iap.googleapis.com", "")
			return service["state"]
		}
		_, noop := call(t, s, "POST", "/v1/projects/demo-project/services/iap.googleapis.com:enable", "{}")
		if noop["name"] != "operations/noop.DONE_OPERATION" || noop["done"] != true || state() != "ENABLED" {
			t.Errorf("enabling what is enabled: %v, %v", noop, state())
		}
		_, off := call(t, s, "POST", "/v1/projects/demo-project/services/iap.googleapis.com:disable", "{}")
		name, _ := off["name"].(string)
		if !strings.HasPrefix(name, "operations/acat.p17-123456789012-") || len(off) != 1 || state() != "DISABLED" {
			t.Errorf("disabling: %v, %v", off, state())
		}
		if _, running := call(t, s, "GET", "/v1/"+name, ""); running["done"] != nil {
			t.Errorf("at once: %v, want it to be running", running)
		}
		time.Sleep(time.Second) // the bubble's clock
		synctest.Wait()
		if _, done := call(t, s, "GET", "/v1beta1/"+name, ""); done["done"] != true {
			t.Errorf("a second later: %v, want it to be done", done)
		}
		if status, answer := call(t, s, "POST", "/v1beta1/projects/demo-project/services/iap.googleapis.com:generateServiceIdentity", ""); status != 403 {
			t.Errorf("the agent of a disabled API: %d %v, want 403", status, answer)
		}
		_, batch := call(t, s, "POST", "/v1/projects/demo-project/services:batchEnable",
			`{"serviceIds":["iap.googleapis.com","run.googleapis.com"]}`)
		names := batch["metadata"].(map[string]any)["resourceNames"].([]any)
		if len(names) != 2 || names[0] != "services/iap.googleapis.com/projectSettings/123456789012" || state() != "ENABLED" {
			t.Errorf("batchEnable: %v, %v", batch, state())
		}
	})
}

func TestServicesAreListedByStateAndPage(t *testing.T) {
	s := newKernel(t, nil)
	defer s.Close()
	s.SetEnabled(apiserver.DefaultProject(), "iap.googleapis.com", false)
	names := func(answer map[string]any) (all []string) {
		for _, s := range answer["services"].([]any) {
			all = append(all, s.(map[string]any)["config"].(map[string]any)["name"].(string))
		}
		return all
	}
	_, disabled := call(t, s, "GET", "/v1/projects/demo-project/services?filter=state:DISABLED", "")
	if diff := cmp.Diff([]string{"iap.googleapis.com"}, names(disabled)); diff != "" {
		t.Errorf("disabled (-want +got):\n%s", diff)
	}
	var paged []string
	for token := ""; ; {
		_, page := call(t, s, "GET", "/v1/projects/demo-project/services?pageSize=4&pageToken="+token, "")
		paged = append(paged, names(page)...)
		if token, _ = page["nextPageToken"].(string); token == "" {
			break
		}
	}
	if diff := cmp.Diff(apiserver.Services(), paged); diff != "" {
		t.Errorf("page by page (-want +got):\n%s", diff)
	}
}

func TestDisablingLeavesNoAPIWithoutWhatItNeeds(t *testing.T) {
	s := newKernel(t, nil)
	defer s.Close()
	const path = "/v1/projects/demo-project/services/"
	const why = "The service pubsub.googleapis.com is depended on by the following active service%s: %s; " +
		"Please specify disable_dependent_services=true if you want to proceed with disabling all services."
	message := func(body string) any {
		status, answer := call(t, s, "POST", path+"pubsub.googleapis.com:disable", body)
		if refused, _ := answer["error"].(map[string]any); refused != nil && status == 400 {
			return refused["message"]
		}
		return status
	}
	if diff := cmp.Diff(fmt.Sprintf(why, "s", "cloudfunctions.googleapis.com,eventarc.googleapis.com"), message("{}")); diff != "" {
		t.Errorf("two need it (-want +got):\n%s", diff)
	}
	call(t, s, "POST", path+"eventarc.googleapis.com:disable", "{}")
	if diff := cmp.Diff(fmt.Sprintf(why, "", "cloudfunctions.googleapis.com"), message("{}")); diff != "" {
		t.Errorf("one needs it (-want +got):\n%s", diff)
	}
	if got := message(`{"disableDependentServices":"yes"}`); !strings.Contains(fmt.Sprint(got), "disable_dependent_services") {
		t.Errorf("what is no boolean: %v", got)
	}
	if got := message(`{"disableDependentServices":true}`); got != 200 {
		t.Errorf("with all that need it: %v", got)
	}
	names := func(of ...string) (query string) {
		for _, each := range of {
			query += "&names=projects/123456789012/services/" + each + ".googleapis.com"
		}
		return path[:len(path)-1] + ":batchGet?" + query[1:]
	}
	_, got := call(t, s, "GET", names("pubsub", "run", "cloudfunctions"), "")
	var states []any
	for _, each := range got["services"].([]any) {
		states = append(states, each.(map[string]any)["state"])
	}
	if diff := cmp.Diff([]any{"DISABLED", "ENABLED", "DISABLED"}, states); diff != "" {
		t.Errorf("then (-want +got):\n%s", diff)
	}
	if status, answer := call(t, s, "GET", names("run", "none"), ""); status != 403 {
		t.Errorf("a batch with what does not exist: %d %v, want 403", status, answer)
	}
}

func TestWhatDoesNotExistIsRefused(t *testing.T) {
	s := newKernel(t, nil)
	defer s.Close()
	for _, tc := range []struct {
		verb, path, body string
		want             int
	}{
		{"GET", "/v1/projects/demo-project/services/none.googleapis.com", "", 403},
		{"POST", "/v1/projects/demo-project/services/none.googleapis.com:enable", "{}", 403},
		{"POST", "/v1beta1/projects/demo-project/services/none.googleapis.com:generateServiceIdentity", "", 403},
		{"POST", "/v1/projects/other/services/iap.googleapis.com:enable", "{}", 403},
		{"POST", "/v1/projects/demo-project/services:batchEnable", `{"serviceIds":[]}`, 400},
		{"POST", "/v1/projects/demo-project/services:batchEnable", `{"serviceIds":["none.googleapis.com"]}`, 403},
		{"GET", "/v1/projects/demo-project/services?filter=title:x", "", 400},
		{"GET", "/v1/projects/demo-project/services?pageSize=x", "", 400},
		{"GET", "/v1/operations/acat.p2-none", "", 404},
		{"POST", "/v1/projects/demo-project/services/iap.googleapis.com:generateServiceIdentity", "", 404},
	} {
		if status, answer := call(t, s, tc.verb, tc.path, tc.body); status != tc.want {
			t.Errorf("%s %s: %d %v, want %d", tc.verb, tc.path, status, answer, tc.want)
		}
	}
}

func TestDisablingLeavesARecord(t *testing.T) {
	var records []apiserver.AuditRecord
	s := newKernel(t, func(r apiserver.AuditRecord) { records = append(records, r) })
	defer s.Close()
	call(t, s, "POST", "/v1/projects/demo-project/services/iap.googleapis.com:disable", "{}")
	call(t, s, "GET", "/v1/projects/demo-project/services", "")
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	r := records[0]
	if r.Method != "google.api.serviceusage.v1.ServiceUsage.DisableService" ||
		r.ResourceName != "projects/123456789012/services/iap.googleapis.com" ||
		r.ResourceType != "audited_resource" || !r.Operation.First || !r.Operation.Last ||
		r.Labels["service"] != "serviceusage.googleapis.com" {
		t.Errorf("%+v", r)
	}
}
