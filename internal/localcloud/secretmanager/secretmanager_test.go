package secretmanager_test

import (
	"encoding/json"
	"hash/crc32"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/localcloud/secretmanager"
)

const (
	secrets = "/v1/projects/demo-project/secrets"
	shop    = secrets + "/shop"
	number  = "projects/123456789012/secrets/shop"
)

type cloud struct {
	t      *testing.T
	server *apiserver.Server
}

func start(t *testing.T) cloud {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	s.Serve(secretmanager.New(s))
	c := cloud{t, s}
	c.call(200, "", "POST", secrets+"?secretId=shop", `{"replication": {"automatic": {}}}`)
	return c
}

// call is answered with a status; the caller "" is the owner.
func (c cloud) call(want int, caller, verb, path, body string) map[string]any {
	c.t.Helper()
	r := httptest.NewRequest(verb, path, strings.NewReader(body))
	if caller != "" {
		r.Header.Set("Authorization", "Bearer "+caller)
	}
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != want {
		c.t.Fatalf("%s %s: %d, want %d: %s", verb, path, w.Code, want, w.Body)
	}
	return answer
}

func (c cloud) message(want int, caller, verb, path, body string) string {
	c.t.Helper()
	wrong, _ := c.call(want, caller, verb, path, body)["error"].(map[string]any)
	text, _ := wrong["message"].(string)
	return text
}

// gcloud sends a payload in the URL-safe alphabet.
func TestAPayloadIsTakenInBothAlphabets(t *testing.T) {
	c := start(t)
	for sent, want := range map[string]string{"fn5-Pz8_": "fn5+Pz8/", "fn5+Pz8/": "fn5+Pz8/", "-_8": "+/8=", "-_8=": "+/8="} {
		c.call(200, "", "POST", shop+":addVersion", `{"payload": {"data": "`+sent+`"}}`)
		answer := c.call(200, "", "GET", shop+"/versions/latest:access", "")
		if got := answer["payload"].(map[string]any)["data"]; got != want {
			t.Errorf("%s was kept as %v, want %s", sent, got, want)
		}
	}
}

func TestVersionsAreNumberedAndTheLatestIsTheNewest(t *testing.T) {
	c := start(t)
	for _, data := range []string{"b25l", "dHdv"} {
		c.call(200, "", "POST", shop+":addVersion", `{"payload": {"data": "`+data+`"}}`)
	}
	for path, want := range map[string]string{"/versions/1": "b25l", "/versions/2": "dHdv", "/versions/latest": "dHdv"} {
		answer := c.call(200, "", "GET", shop+path+":access", "")
		payload := answer["payload"].(map[string]any)
		if payload["data"] != want || !strings.HasPrefix(answer["name"].(string), number+"/versions/") ||
			payload["dataCrc32c"] == "" {
			t.Errorf("%s: %v, want %s", path, answer, want)
		}
	}
	if listed := c.call(200, "", "GET", shop+"/versions", ""); len(listed["versions"].([]any)) != 2 {
		t.Errorf("versions: %v", listed)
	}
	if all := c.call(200, "", "GET", secrets, ""); len(all["secrets"].([]any)) != 1 ||
		c.call(200, "", "GET", shop, "")["name"] != number {
		t.Errorf("secrets: %v", all)
	}
	if state, _ := json.Marshal(c.server.State()); strings.Contains(string(state), "dHdv") ||
		strings.Contains(string(state), `"two"`) || !strings.Contains(string(state), "sha256") {
		t.Errorf("the state shows what a version holds: %s", state)
	}
	c.server.Reset()
	c.call(404, "", "GET", shop, "")
}

func TestWhatIsDisabledOrMissingIsNotGivenOut(t *testing.T) {
	c := start(t)
	want := map[string]string{
		"none":      "Secret Version [" + number + "/versions/latest] not found.",
		"disabled":  "Secret Version [" + number + "/versions/1] is in DISABLED state.",
		"destroyed": "Secret Version [" + number + "/versions/1] is in DESTROYED state.",
	}
	got := map[string]string{"none": c.message(404, "", "GET", shop+"/versions/latest:access", "")}
	c.call(200, "", "POST", shop+":addVersion", `{"payload": {"data": "b25l", "dataCrc32c": "`+
		strconv.Itoa(int(crc32.Checksum([]byte("one"), crc32.MakeTable(crc32.Castagnoli))))+`"}}`)
	c.call(200, "", "POST", shop+"/versions/1:disable", "{}")
	got["disabled"] = c.message(400, "", "GET", shop+"/versions/latest:access", "")
	c.call(200, "", "POST", shop+"/versions/1:enable", "{}")
	c.call(200, "", "GET", shop+"/versions/1:access", "")
	c.call(200, "", "POST", shop+"/versions/1:destroy", "{}")
	got["destroyed"] = c.message(400, "", "GET", shop+"/versions/1:access", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.call(400, "", "POST", shop+"/versions/1:enable", "{}")
	if shown := c.call(200, "", "GET", shop+"/versions/1", ""); shown["state"] != "DESTROYED" {
		t.Errorf("%v", shown)
	}
	c.call(200, "", "DELETE", shop, "")
	c.call(404, "", "POST", shop+":addVersion", `{"payload": {"data": "b25l"}}`)
}

func TestBadSecretsAreRefused(t *testing.T) {
	c := start(t)
	for _, tc := range []struct {
		name, path, body string
		want             int
	}{
		{"a name", secrets + "?secretId=a.b", `{"replication": {"automatic": {}}}`, 400},
		{"no replication", secrets + "?secretId=other", `{}`, 400},
		{"an unknown field", secrets + "?secretId=other", `{"replicas": 1}`, 400},
		{"twice", secrets + "?secretId=shop", `{"replication": {"automatic": {}}}`, 409},
		{"nothing in it", shop + ":addVersion", `{}`, 400},
		{"no base64", shop + ":addVersion", `{"payload": {"data": "%"}}`, 400},
		{"a checksum of something else", shop + ":addVersion", `{"payload": {"data": "b25l", "dataCrc32c": "1"}}`, 400},
		{"too much", shop + ":addVersion", `{"payload": {"data": "` + strings.Repeat("aaaa", 22000) + `"}}`, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cloud{t, c.server}.call(tc.want, "", "POST", tc.path, tc.body)
		})
	}
}

func TestASecretIsReadWithItsOwnRoleOnly(t *testing.T) {
	c := start(t)
	c.call(200, "", "POST", shop+":addVersion", `{"payload": {"data": "b25l"}}`)
	c.call(200, "", "POST", "/v1/projects/demo-project:setIamPolicy",
		`{"policy": {"bindings": [{"role": "roles/owner", "members": ["user:owner@example.com"]}, {"role": "roles/editor", "members": ["user:dev@example.com"]}]}}`)
	want := "Permission 'secretmanager.versions.access' denied for resource 'projects/demo-project/secrets/shop/versions/latest' (or it may not exist)."
	if got := c.message(403, "user:dev@example.com", "GET", shop+"/versions/latest:access", ""); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	c.call(200, "", "POST", shop+":setIamPolicy",
		`{"policy": {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": ["user:dev@example.com"]}]}}`)
	c.call(200, "user:dev@example.com", "GET", shop+"/versions/latest:access", "")
	if policy := c.call(200, "", "GET", shop+":getIamPolicy", ""); len(policy["bindings"].([]any)) != 1 {
		t.Errorf("%v", policy)
	}
	c.call(404, "", "GET", secrets+"/other:getIamPolicy", "")
}
