package collection_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// maps is a kind as an API has it, in one row.
var maps = collection.Kind{
	Documents:   []string{"certificatemanager/v1"},
	Collections: []string{"certificatemanager.projects.locations.certificateMaps"}, Message: "CertificateMap",
	Permissions: "certificatemanager.certmaps", Source: "cloud.google.com/certificate-manager/docs/access-control",
	Audit:    map[string]string{"create": "CreateCertificateMap", "patch": "UpdateCertificateMap", "delete": "DeleteCertificateMap"},
	ID:       regexp.MustCompile(`^[a-z][a-z0-9-]{0,61}$`),
	Location: collection.RegionalOrGlobal,
	Prepare: func(w *collection.Write) error {
		if w.New != nil && apiserver.Text(w.New.Body, "description") == "refused" {
			return apiserver.Invalid("refused")
		}
		return nil
	},
}

const all = "/v1/projects/demo-project/locations/global/certificateMaps"

// api is a server that serves maps, and what it logged.
type api struct {
	*collection.Collection
	t      *testing.T
	server *apiserver.Server
	logged []apiserver.AuditRecord
	now    time.Time
}

func start(t *testing.T, kind collection.Kind) *api {
	a := &api{t: t, now: time.Unix(1_800_000_000, 0)}
	a.server = apiserver.New(apiserver.Options{Clock: func() time.Time { return a.now }, ListLag: time.Minute,
		Audit: func(r apiserver.AuditRecord) { a.logged = append(a.logged, r) }})
	t.Cleanup(a.server.Close)
	a.Collection = collection.New(a.server, kind)
	a.server.Serve(collection.Merged("certificatemanager", a.Collection))
	return a
}

// call answers with the status and the body.
func (a *api) call(verb, path, body string) (int, map[string]any) {
	a.t.Helper()
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, httptest.NewRequest(verb, path, strings.NewReader(body)))
	text, err := io.ReadAll(w.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		a.t.Fatalf("%s %s: %v: %s", verb, path, err, text)
	}
	return w.Code, answer
}

// must answers with the body of a call that succeeds.
func (a *api) must(verb, path, body string) map[string]any {
	a.t.Helper()
	status, answer := a.call(verb, path, body)
	if status != http.StatusOK {
		a.t.Fatalf("%s %s: %d %v", verb, path, status, answer)
	}
	return answer
}

func TestARowServesEveryUsualMethod(t *testing.T) {
	a := start(t, maps)
	made := a.must("POST", all+"?certificateMapId=one", `{"description": "first", "labels": {"a": "b"}}`)
	if made["name"] != all[len("/v1/"):]+"/one" || made["createTime"] == "" || made["createTime"] != made["updateTime"] {
		t.Errorf("made %v: want its name and the time twice", made)
	}
	if diff := cmp.Diff(made, a.must("GET", all+"/one", "")); diff != "" {
		t.Errorf("read (-made +read):\n%s", diff)
	}
	changed := a.must("PATCH", all+"/one?updateMask=labels.c,description", `{"labels": {"c": "d", "a": "x"}}`)
	if _, kept := changed["description"]; kept || changed["updateTime"] == made["updateTime"] {
		t.Errorf("changed %v: want no description and another time", changed)
	}
	if diff := cmp.Diff(map[string]any{"a": "b", "c": "d"}, changed["labels"]); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	a.must("DELETE", all+"/one", "")
	if status, _ := a.call("GET", all+"/one", ""); status != http.StatusNotFound {
		t.Errorf("after it was deleted: %d, want 404", status)
	}
	var methods []string
	for _, record := range a.logged {
		methods = append(methods, record.Method+" "+record.ResourceName+" "+record.Location)
	}
	name := all[len("/v1/"):] + "/one global"
	want := []string{"CreateCertificateMap " + name, "UpdateCertificateMap " + name, "DeleteCertificateMap " + name}
	if diff := cmp.Diff(want, methods); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
}

func TestWhatGoogleRefusesIsRefusedAndChangesNothing(t *testing.T) {
	a := start(t, maps)
	a.must("POST", all+"?certificateMapId=one", `{}`)
	before := a.States()
	for _, tc := range []struct {
		name, verb, path, body string
		want                   int
	}{
		{"twice", "POST", all + "?certificateMapId=one", `{}`, 409},
		{"an id", "POST", all + "?certificateMapId=One", `{}`, 400},
		{"a long id", "POST", all + "?certificateMapId=" + strings.Repeat("a", 300), `{}`, 400},
		{"no id", "POST", all, `{}`, 400},
		{"another name", "POST", all + "?certificateMapId=two", `{"name": "` + all[len("/v1/"):] + `/three"}`, 400},
		{"a field", "POST", all + "?certificateMapId=two", `{"colour": 1}`, 400},
		{"a type", "POST", all + "?certificateMapId=two", `{"description": 1}`, 400},
		{"a rule", "PATCH", all + "/one?updateMask=description", `{"description": "refused"}`, 400},
		{"a mask", "PATCH", all + "/one?updateMask=colour", `{}`, 400},
		{"an output in a mask", "PATCH", all + "/one?updateMask=createTime", `{}`, 400},
		{"a missing one", "PATCH", all + "/two?updateMask=description", `{}`, 404},
		{"a location", "GET", strings.Replace(all, "global", "moon", 1), "", 403},
		{"a page token", "GET", all + "?pageToken=!", "", 400},
		{"a page size", "GET", all + "?pageSize=-1", "", 400},
	} {
		if status, answer := a.call(tc.verb, tc.path, tc.body); status != tc.want {
			t.Errorf("%s: %d %v, want %d", tc.name, status, answer, tc.want)
		}
	}
	if diff := cmp.Diff(before, a.States()); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

func TestPagesHaveEveryResourceOnce(t *testing.T) {
	a := start(t, maps)
	var want []string
	for i := range 7 {
		place := strings.Replace(all, "global", []string{"global", "europe-west1"}[i%2], 1)
		made := a.must("POST", fmt.Sprintf("%s?certificateMapId=m%d", place, i), `{}`)
		want = append(want, made["name"].(string))
	}
	slices.Sort(want)
	a.now = a.now.Add(time.Minute)
	for size := 1; size <= 8; size++ {
		var got []string
		token, pages := "", 0
		for ; pages == 0 || token != ""; pages++ {
			answer := a.must("GET", fmt.Sprintf("%s?pageSize=%d&pageToken=%s", strings.Replace(all, "global", "-", 1), size, token), "")
			items, _ := answer["certificateMaps"].([]any)
			for _, item := range items {
				got = append(got, item.(map[string]any)["name"].(string))
			}
			token, _ = answer["nextPageToken"].(string)
		}
		if diff := cmp.Diff(want, got); diff != "" || pages != (7+size-1)/size {
			t.Errorf("%d pages of %d (-want +got):\n%s", pages, size, diff)
		}
	}
}

func TestAnAnswerHasTheFieldsThatWereAskedFor(t *testing.T) {
	a := start(t, maps)
	made := a.must("POST", all+"?certificateMapId=one&fields=description,labels/a", `{"description": "d", "labels": {"a": "b", "c": "d"}}`)
	if diff := cmp.Diff(map[string]any{"description": "d", "labels": map[string]any{"a": "b"}}, made); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a.now = a.now.Add(time.Minute)
	listed := a.must("GET", all+"?fields=certificateMaps(description)", "")
	if diff := cmp.Diff(map[string]any{"certificateMaps": []any{map[string]any{"description": "d"}}}, listed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if status, _ := a.call("POST", all+"?certificateMapId=two&fields=a(", `{}`); status != http.StatusBadRequest {
		t.Errorf("malformed fields: %d, want 400", status)
	}
	if status, _ := a.call("GET", all+"/two", ""); status != http.StatusNotFound {
		t.Errorf("a refused write took effect: %d, want 404", status)
	}
}

func TestListsShowWhatWasTheirLagAgo(t *testing.T) {
	a := start(t, maps)
	a.must("POST", all+"?certificateMapId=one", `{}`)
	if answer := a.must("GET", all, ""); len(answer) != 0 {
		t.Errorf("at once: %v, want nothing", answer)
	}
	a.now = a.now.Add(time.Minute)
	if answer := a.must("GET", all, ""); len(answer["certificateMaps"].([]any)) != 1 {
		t.Errorf("later: %v, want it", answer)
	}
}

func TestALongRunningWriteEndsWithTheResource(t *testing.T) {
	kind := maps
	kind.Answer = collection.LongRunning("google.cloud.certificatemanager.v1")
	a := start(t, kind)
	operation := a.must("POST", all+"?certificateMapId=one", `{"description": "d"}`)
	name := operation["name"].(string)
	if !strings.HasPrefix(name, "projects/demo-project/locations/global/operations/") || operation["done"] != false {
		t.Fatalf("operation %v, want one that runs", operation)
	}
	ended := a.server.Operation(name).Wait(t.Context())
	response := ended["response"].(map[string]any)
	if response["description"] != "d" || response["@type"] != "type.googleapis.com/google.cloud.certificatemanager.v1.CertificateMap" {
		t.Errorf("ended %v, want the resource", ended)
	}
	dry := a.must("POST", all+"?certificateMapId=two&validateOnly=true", `{}`)
	if status, _ := a.call("GET", all+"/two", ""); dry["done"] != true || status != http.StatusNotFound {
		t.Errorf("validated %v, and reading it gives %d, want 404", dry, status)
	}
	if missing := a.must("DELETE", all+"/two?allowMissing=true", ""); missing["done"] != true {
		t.Errorf("deleting what is not there: %v", missing)
	}
}

// What others made is looked for before each call. Between a deletion and the end of its
// effects that would bring the deleted resource back.
func TestADeletedResourceDoesNotComeBackFromOthers(t *testing.T) {
	kind := maps
	name := all[len("/v1/"):] + "/one"
	var elsewhere atomic.Bool
	elsewhere.Store(true)
	kind.Others = func(c *collection.Collection) {
		if elsewhere.Load() {
			c.PutMissing(collection.Resource{Name: name, Body: map[string]any{}})
		}
	}
	deleted, asked := make(chan struct{}), make(chan struct{})
	kind.Changed = func(*collection.Write) {
		close(deleted)
		select {
		case <-asked: // only without the lock
		case <-time.After(100 * time.Millisecond):
		}
		elsewhere.Store(false)
	}
	a := start(t, kind)
	a.must("GET", all+"/one", "")
	go func() {
		<-deleted
		a.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", all+"/one", nil))
		close(asked)
	}()
	a.must("DELETE", all+"/one", "")
	<-asked
	if status, answer := a.call("GET", all+"/one", ""); status != http.StatusNotFound {
		t.Errorf("after it was deleted: %d %v, want 404", status, answer)
	}
}
