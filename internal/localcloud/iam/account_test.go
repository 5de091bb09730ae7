package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/iam"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const accounts = "/v1/projects/demo-project/serviceAccounts"

func TestAPolicyNamesOnlyServiceAccountsThatExist(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	s.Serve(iam.New(s))
	s.Serve(resourcemanager.New(s, resourcemanager.Options{Grants: []resourcemanager.Grant{
		{Role: "roles/viewer", Member: "serviceAccount:seeded@demo-project.iam.gserviceaccount.com"},
	}}))
	name := func(member string) (int, map[string]any) {
		return call(t, s, "", "POST", "/v1/projects/demo-project:setIamPolicy",
			`{"policy":{"bindings":[{"role":"roles/owner","members":["user:owner@example.com"]},{"role":"roles/viewer","members":["`+member+`"]}]}}`)
	}
	const pusher = "pusher@demo-project.iam.gserviceaccount.com"
	if status, body := name("serviceAccount:" + pusher); status != 400 ||
		!strings.Contains(fmt.Sprint(body), "does not exist") {
		t.Errorf("before it was made: %d %v, want 400", status, body)
	}
	status, made := call(t, s, "", "POST", accounts, `{"accountId":"pusher","serviceAccount":{"displayName":"Pushes"}}`)
	if status != 200 || made["email"] != pusher || made["displayName"] != "Pushes" || made["uniqueId"] == "" {
		t.Fatalf("making it: %d %v", status, made)
	}
	for _, member := range []string{"serviceAccount:" + pusher,
		"serviceAccount:seeded@demo-project.iam.gserviceaccount.com",
		"serviceAccount:anybody@another-project.iam.gserviceaccount.com", "user:anybody@example.com"} {
		if status, body := name(member); status != 200 {
			t.Errorf("%s: %d %v, want 200", member, status, body)
		}
	}
	if status, _ := call(t, s, "", "DELETE", accounts+"/"+pusher, ""); status != 200 {
		t.Errorf("deleting it: %d", status)
	}
	if status, _ := name("serviceAccount:" + pusher); status != 400 {
		t.Errorf("after it was deleted: %d, want 400", status)
	}
}

func TestServiceAccountsAnswerAsRecorded(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	s.Serve(iam.New(s))
	for _, step := range []struct {
		name, verb, path, body string
		status                 int
		message                string
	}{
		{"not there", "GET", accounts + "/reader@demo-project.iam.gserviceaccount.com", "", 404, "Unknown service account"},
		{"made", "POST", accounts, `{"accountId":"reader","serviceAccount":{}}`, 200, ""},
		{"made again", "POST", accounts, `{"accountId":"reader"}`, 409,
			"Service account reader already exists within project projects/demo-project."},
		{"an id that is none", "POST", accounts, `{"accountId":"a"}`, 400, "does not have a length"},
		{"a field that is none", "POST", accounts, `{"id":"reader"}`, 400, ""},
		{"read", "GET", accounts + "/reader@demo-project.iam.gserviceaccount.com", "", 200, ""},
	} {
		status, body := call(t, s, "", step.verb, step.path, step.body)
		if status != step.status || !strings.Contains(fmt.Sprint(body), step.message) {
			t.Errorf("%s: %d %v, want %d with %q", step.name, status, body, step.status, step.message)
		}
	}
	if _, listed := call(t, s, "", "GET", accounts, ""); len(listed["accounts"].([]any)) != 1 {
		t.Errorf("listed %v, want the one that was made", listed)
	}
}

func TestWhoMayActAsAnAccountIsGrantedOnIt(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	s.Serve(iam.New(s))
	const email = "runtime@demo-project.iam.gserviceaccount.com"
	if status, body := call(t, s, "", "POST", accounts+"/"+email+":getIamPolicy", ""); status != 404 {
		t.Errorf("before it was made: %d %v, want 404", status, body)
	}
	if status, body := call(t, s, "", "POST", accounts, `{"accountId":"runtime"}`); status != 200 {
		t.Fatalf("making it: %d %v", status, body)
	}
	acts := func() bool {
		return s.Allowed(apiserver.Access{Principal: "user:alice@example.com", Permission: "iam.serviceAccounts.actAs",
			Resource: "projects/demo-project/serviceAccounts/" + email})
	}
	if acts() {
		t.Error("alice acts as the account before it was granted")
	}
	status, body := call(t, s, "", "POST", accounts+"/"+email+":setIamPolicy",
		`{"policy":{"bindings":[{"role":"roles/iam.serviceAccountUser","members":["user:alice@example.com"]}]}}`)
	if status != 200 || !acts() {
		t.Errorf("granted: %d %v, and alice acts as the account: %t", status, body, acts())
	}
	if status, body := call(t, s, "", "POST", accounts+"/"+email+":getIamPolicy", ""); status != 200 ||
		!strings.Contains(fmt.Sprint(body), "user:alice@example.com") {
		t.Errorf("read: %d %v, want the grant", status, body)
	}
	if status, _ := call(t, s, "", "DELETE", accounts+"/"+email, ""); status != 200 || acts() {
		t.Errorf("deleted: %d, and alice still acts as the account: %t", status, acts())
	}
}
