package apiserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policyOf answers the two policy methods for every fruit.
func policyOf(c *Call) (any, error) {
	if c.Route.Write {
		return c.SetIamPolicy(c.Resource)
	}
	return c.GetIamPolicy(c.Resource)
}

const fruit = "/v1/projects/demo-project/fruits/a"

func setPolicyOf(t *testing.T, s *Server, policy string) (int, map[string]any) {
	t.Helper()
	w := do(s, "POST", fruit+":setIamPolicy", `{"policy":`+policy+`}`)
	return w.Code, decode(t, w)
}

func getPolicyOf(t *testing.T, s *Server, version string) map[string]any {
	t.Helper()
	return decode(t, do(s, "GET", fruit+":getIamPolicy?options.requestedPolicyVersion="+version, ""))
}

func TestAPolicyIsReadAsItWasWritten(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	if diff := cmp.Diff(map[string]any{"etag": "ACAB"}, getPolicyOf(t, s, "3")); diff != "" {
		t.Errorf("never set (-want +got):\n%s", diff)
	}
	bindings := []any{
		map[string]any{"role": "roles/z", "members": []any{"user:z@example.com", "user:a@example.com"}},
		map[string]any{"role": "roles/a", "members": []any{"allUsers"}},
	}
	text, _ := json.Marshal(map[string]any{"version": 3, "etag": "ACAB", "bindings": bindings})
	status, got := setPolicyOf(t, s, string(text))
	// The etag is the recorded one of this very microsecond.
	want := map[string]any{"version": 1.0, "etag": "BwYV1CSTacg=", "bindings": bindings}
	if diff := cmp.Diff(want, got); status != 200 || diff != "" {
		t.Errorf("set: %d (-want +got):\n%s", status, diff)
	}
	if diff := cmp.Diff(got, getPolicyOf(t, s, "1")); diff != "" {
		t.Errorf("the next read differs (-set +get):\n%s", diff)
	}
	_, emptied := setPolicyOf(t, s, `{"etag":"BwYV1CSTacg="}`)
	if diff := cmp.Diff(map[string]any{"version": 1.0, "etag": "BwYV1CSTack="}, emptied); diff != "" {
		t.Errorf("emptied (-want +got):\n%s", diff)
	}
}

func TestAStaleEtagIsAConflict(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	const open = `"bindings":[{"role":"roles/run.invoker","members":["allUsers"]}]`
	if status, body := setPolicyOf(t, s, `{"etag":"BwYV1CSTacg=",`+open+`}`); status != 409 {
		t.Errorf("an etag of nothing: %d %v, want 409", status, body)
	}
	if status, body := setPolicyOf(t, s, `{"etag":"ACAB",`+open+`}`); status != 200 {
		t.Fatalf("the first write: %d %v", status, body)
	}
	before := s.Policy("projects/demo-project/fruits/a")
	status, body := setPolicyOf(t, s, `{"etag":"ACAB"}`)
	e := Object(body, "error")
	if status != 409 || e["status"] != "ABORTED" ||
		!strings.HasPrefix(Text(e, "message"), "There were concurrent policy changes.") {
		t.Errorf("ACAB after somebody wrote: %d %v, want 409 ABORTED", status, body)
	}
	if diff := cmp.Diff(before, s.Policy("projects/demo-project/fruits/a")); diff != "" {
		t.Errorf("the refused write changed the policy:\n%s", diff)
	}
	if status, body := setPolicyOf(t, s, `{}`); status != 200 {
		t.Errorf("without an etag: %d %v, want it to overwrite", status, body)
	}
}

func TestConditionsNeedVersionThree(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	const binding = `{"role":"roles/run.invoker","members":["user:a@example.com"],"condition":{"title":"t","expression":"true"}}`
	if status, body := setPolicyOf(t, s, `{"version":1,"bindings":[`+binding+`]}`); status != 400 {
		t.Errorf("set as version 1: %d %v, want 400", status, body)
	}
	status, set := setPolicyOf(t, s, `{"version":3,"bindings":[`+binding+`]}`)
	if status != 200 || set["version"] != 3.0 {
		t.Fatalf("set as version 3: %d %v", status, set)
	}
	low := getPolicyOf(t, s, "")
	shown := List(low, "bindings")[0].(map[string]any)
	if low["version"] != 1.0 || shown["condition"] != nil ||
		!strings.HasPrefix(Text(shown, "role"), "roles/run.invoker_withcond_") {
		t.Errorf("read without a version: %v, want the condition replaced by a suffix", low)
	}
	if diff := cmp.Diff(set, getPolicyOf(t, s, "3")); diff != "" {
		t.Errorf("read as version 3 (-want +got):\n%s", diff)
	}
	if status, body := setPolicyOf(t, s, fmt.Sprintf(`{"version":1,"etag":%q}`, set["etag"])); status != 400 {
		t.Errorf("overwriting conditions with version 1: %d %v, want 400", status, body)
	}
}

func TestTheUpdateMaskSaysWhatIsWritten(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	do(s, "POST", fruit+":setIamPolicy", `{"policy":{"auditConfigs":[{"service":"x"}],"bindings":[{"role":"roles/a","members":["allUsers"]}]},"updateMask":"bindings,auditConfigs,etag"}`)
	do(s, "POST", fruit+":setIamPolicy", `{"policy":{"auditConfigs":[{"service":"y"}]}}`)
	got := s.Policy("projects/demo-project/fruits/a")
	want := []any{map[string]any{"service": "x"}}
	if diff := cmp.Diff(want, got["auditConfigs"]); diff != "" || got["bindings"] != nil {
		t.Errorf("by default only bindings are written: %v\n%s", got, diff)
	}
	do(s, "POST", fruit+":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/a","members":["allUsers"]}]},"updateMask":"auditConfigs"}`)
	if got := s.Policy("projects/demo-project/fruits/a"); got["bindings"] != nil || got["auditConfigs"] != nil {
		t.Errorf("with mask auditConfigs: %v, want no audit configs and bindings as they were", got)
	}
}

func TestMembersFollowIAMsGrammar(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	for member, want := range map[string]int{
		"allUsers":                                    200,
		"allAuthenticatedUsers":                       200,
		"user:a@example.com":                          200,
		"group:g@example.com":                         200,
		"domain:example.com":                          200,
		"serviceAccount:a@p.iam.gserviceaccount.com":  200,
		"deleted:user:a@example.com?uid=123":          200,
		"principal://iam.googleapis.com/projects/1/x": 200,
		"principalSet://goog/group/g@example.com":     200,
		"user:":                      400,
		"user:nobody":                400,
		"alluser":                    400,
		"a@example.com":              400,
		"robot:a@example.com":        400,
		"domain:not a domain":        400,
		"principalSet:goog":          400,
		"deleted:user:a@example.com": 400,
		"serviceAccount:" + DefaultProject().IAPAgent(): 400,
	} {
		status, body := setPolicyOf(t, s, fmt.Sprintf(`{"bindings":[{"role":"roles/a","members":[%q]}]}`, member))
		if status != want {
			t.Errorf("%s: %d %v, want %d", member, status, body, want)
		}
	}
	if status, _ := setPolicyOf(t, s, `{"bindings":[{"role":"invoker","members":["allUsers"]}]}`); status != 400 {
		t.Errorf("a role without roles/: %d, want 400", status)
	}
}

func TestTheIAPAgentExistsOnceItWasProvisioned(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	policy := fmt.Sprintf(`{"bindings":[{"role":"roles/run.invoker","members":["serviceAccount:%s"]}]}`, DefaultProject().IAPAgent())
	status, body := setPolicyOf(t, s, policy)
	if want := "Service account " + DefaultProject().IAPAgent() + " does not exist."; status != 400 ||
		Object(body, "error")["message"] != want {
		t.Errorf("before: %d %v, want 400 %s", status, body, want)
	}
	first := s.ProvisionAgent(DefaultProject().IAPAgent())
	if again := s.ProvisionAgent(DefaultProject().IAPAgent()); again != first || first == "" {
		t.Errorf("unique ids %q and %q, want the same", first, again)
	}
	if status, body := setPolicyOf(t, s, policy); status != 200 {
		t.Errorf("after: %d %v", status, body)
	}
	s.Reset()
	if status, _ := setPolicyOf(t, s, policy); status != 400 {
		t.Errorf("after a reset: %d, want 400", status)
	}
}

func TestEqualBindingsAndMembersAreMerged(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	_, got := setPolicyOf(t, s, `{"bindings":[
		{"role":"roles/b","members":["user:a@example.com","user:a@example.com"]},
		{"role":"roles/a","members":[]},
		{"role":"roles/b","members":["user:c@example.com","user:a@example.com"]}]}`)
	want := []any{map[string]any{"role": "roles/b", "members": []any{"user:a@example.com", "user:c@example.com"}}}
	if diff := cmp.Diff(want, got["bindings"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOfManyWritersWithOneEtagExactlyOneWins(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	statuses := make(chan int)
	for i := range 16 {
		go func() {
			body := fmt.Sprintf(`{"policy":{"etag":"ACAB","bindings":[{"role":"roles/a","members":["user:u%d@example.com"]}]}}`, i)
			statuses <- do(s, "POST", fruit+":setIamPolicy", body).Code
		}()
	}
	got := map[int]int{}
	for range 16 {
		got[<-statuses]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 409: 15}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEtagMayComeBackInTheURLSafeAlphabet(t *testing.T) {
	s := serveFruits(t, Options{}, policyOf)
	etag := ""
	for range 10_000 { // some etag soon has a character that the two alphabets write differently
		_, written := setPolicyOf(t, s, `{}`)
		if etag = Text(written, "etag"); strings.ContainsAny(etag, "+/") {
			break
		}
	}
	sent := strings.NewReplacer("+", "-", "/", "_").Replace(etag)
	if sent == etag {
		t.Fatalf("no etag differs in the two alphabets; the last was %s", etag)
	}
	if status, body := setPolicyOf(t, s, `{"etag":"`+sent+`"}`); status != 200 {
		t.Errorf("%s sent as %s: %d %v, want 200", etag, sent, status, body)
	}
}

func TestAPolicyWithFieldsOrRolesThatAreNotThereIsRefused(t *testing.T) {
	s := serveFruits(t, Options{}, func(c *Call) (any, error) { return c.SetIamPolicy("projects/demo-project/fruits/a") })
	s.PutRole(Role{Name: "projects/demo-project/roles/own"})
	for _, tc := range []struct{ body, want string }{
		{`{"policies":{}}`, `Unknown name "policies": Cannot find field.`},
		{`{"policy":{"binding":[]}}`, `Unknown name "binding" at 'policy': Cannot find field.`},
		{`{"policy":{"bindings":[{"role":"roles/x","member":"allUsers"}]}}`,
			`Unknown name "member" at 'policy.bindings[0]': Cannot find field.`},
		{`{"policy":{"version":3,"bindings":[{"role":"roles/x","members":[],"condition":{"expr":"true"}}]}}`,
			`Unknown name "expr" at 'policy.bindings[0].condition': Cannot find field.`},
		{`{"policy":{"bindings":[{"role":"projects/demo-project/roles/none","members":["allUsers"]}]}}`,
			`Role (projects/demo-project/roles/none) does not exist in the resource's hierarchy.`},
		{`{"policy":{"bindings":[{"role":"projects/demo-project/roles/own","members":["allUsers"]}]}}`, ""},
	} {
		w := do(s, "POST", "/v1/projects/demo-project/fruits/a:setIamPolicy", tc.body)
		message := Text(Object(decode(t, w), "error"), "message")
		if (w.Code == 400) != (tc.want != "") || !strings.Contains(message, tc.want) {
			t.Errorf("%s: %d %q, want %q", tc.body, w.Code, message, tc.want)
		}
	}
}
