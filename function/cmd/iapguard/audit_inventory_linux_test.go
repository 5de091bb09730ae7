package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// settled is a local cloud whose services, hello behind IAP and billing open to everybody, were made
// three days ago: the inventory has their policies, and no later write is in the audit log.
type settled struct {
	*cloudtest.Env
	ahead atomic.Int64 // of the cloud's clock
}

const threeDays = 72 * time.Hour

func newSettled(t *testing.T) *settled {
	t.Helper()
	s := &settled{}
	s.at(-threeDays)
	s.Env = cloudtest.Start(t, playground.Options{
		Clock: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }})
	s.Build(playground.Scenario...)
	agent := s.CallAs(s.Owner(), http.MethodPost,
		"/v1beta1/projects/"+playground.Project+"/services/iap.googleapis.com:generateServiceIdentity", object{})
	response, _ := agent["response"].(map[string]any)
	s.mayInvoke(response["email"].(string))
	s.mayPass("user:alice@example.com")
	s.CallAs(s.Owner(), http.MethodPatch, helloBackend, object{"iap": object{"enabled": true}})
	s.CallAs(s.Owner(), http.MethodPatch, "/v2/"+playground.Scenario[0].Name()+"?updateMask=ingress",
		object{"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"})
	s.Playground.Cloud.Settle()
	s.at(0)
	return s
}

type object = map[string]any

// at sets the cloud's clock, before or after the machine's.
func (s *settled) at(ahead time.Duration) { s.ahead.Store(int64(ahead)) }

func binding(role string, members ...string) object {
	return object{"policy": object{"bindings": []any{object{"role": role, "members": members}}}}
}

func (s *settled) mayInvoke(agent string, others ...string) {
	s.CallAs(s.Owner(), http.MethodPost, "/v2/"+playground.Scenario[0].Name()+":setIamPolicy",
		binding("roles/run.invoker", append(others, "serviceAccount:"+agent)...))
}

func (s *settled) mayPass(members ...string) {
	const access = "/v1/projects/" + playground.Project + "/iap_web/compute/services/hello-backend"
	s.CallAs(s.Owner(), http.MethodPost, access+":setIamPolicy", binding("roles/iap.httpsResourceAccessor", members...))
}

// audit is what an audit of the project says, by the services' names.
func (s *settled) audit(t *testing.T, endpoint string, flags ...string) map[string]audited {
	t.Helper()
	text, _ := auditRun(t, append([]string{"audit", "projects/" + playground.Project, "--endpoint", endpoint,
		"--format", "json"}, flags...)...)
	found := map[string]audited{}
	for _, one := range parsed(t, text).Services {
		found[one.Service] = one
	}
	return found
}

// reads counts the calls that read an IAM policy of a Cloud Run service or of IAP.
func (s *settled) reads(since int) (count int) {
	for _, call := range s.Calls()[since:] {
		if call.Method == "run.projects.locations.services.getIamPolicy" ||
			call.Method == "iap.getIamPolicy" && strings.Contains(call.Resource, "/services/") {
			count++
		}
	}
	return count
}

func TestPoliciesOfTheInventoryAreNotReadAgain(t *testing.T) {
	s := newSettled(t)
	before := len(s.Calls())
	live := s.audit(t, s.URL())
	liveReads := s.reads(before)
	before = len(s.Calls())
	began := time.Now()
	found := s.audit(t, s.URL(), "--inventory", "auto")
	// Three of the six policies are in the inventory; no resource has the others.
	if reads := s.reads(before); liveReads != 6 || reads != 3 {
		t.Errorf("%d policies are read, %d with an inventory; want 6 and 3", liveReads, reads)
	}
	for name, one := range found {
		if one.AsOf == nil || one.AsOf.By != byInventory || one.AsOf.At.Before(began) || one.AsOf.At.After(time.Now()) {
			t.Errorf("%s is as of %+v, want the time of the inventory", name, one.AsOf)
		}
		if diff := cmp.Diff(live[name], one, besidesVersions); diff != "" {
			t.Errorf("%s (-live +with the inventory):\n%s", name, diff)
		}
	}
}

// besidesVersions leaves out what an inventory does not say: versions that a write would need, and
// since when they hold.
var besidesVersions = cmp.Options{cmpopts.IgnoreFields(audited{}, "AsOf"),
	cmpopts.IgnoreFields(report.Step{}, "VersionBefore", "NotBefore")}

// spoil has a test change each answer of Cloud Asset Inventory.
func (s *settled) spoil(t *testing.T, change func(page object)) (endpoint string) {
	t.Helper()
	return through(t, s.Env, func(*http.Request) {}, func(answer *http.Response) error {
		if !strings.HasSuffix(answer.Request.URL.Path, "/assets") {
			return nil
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		_ = answer.Body.Close() // it was read
		page := object{}
		if err := json.Unmarshal(text, &page); err != nil {
			return err
		}
		change(page)
		if text, err = json.Marshal(page); err != nil {
			return err
		}
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
		return nil
	})
}

// harmless replaces all policies of a page by those that let in alice alone.
func harmless(page object) {
	for _, each := range page["assets"].([]any) {
		bindings := each.(object)["iamPolicy"].(object)["bindings"].([]any)
		for _, one := range bindings {
			one.(object)["members"] = []any{"user:alice@example.com"}
		}
	}
}

// accessAlone leaves the policies of IAP in a page.
func accessAlone(page object) {
	page["assets"] = slices.DeleteFunc(page["assets"].([]any), func(each any) bool {
		return each.(object)["assetType"] != "iap.googleapis.com/WebService"
	})
}

func eachAsset(page object, change func(asset object)) {
	for _, each := range page["assets"].([]any) {
		change(each.(object))
	}
}

// Whatever is wrong with an inventory, no service is shown better than a live look shows it. billing
// was open all the time, and hello is opened by somebody in some of the cases.
func TestNoInventoryMakesAServiceLookBetter(t *testing.T) {
	const minute, hours = -time.Minute, -50 * time.Hour
	for _, tc := range []struct {
		name   string
		opened time.Duration // when everybody was let in to hello; 0 = never
		lag    string        // of the inventory
		spoil  func(page object)
	}{
		{"older than a change of a minute ago", minute, "1h", nil},
		{"of now, after a change of a minute ago", minute, "0s", nil},
		{"it missed a change of two days ago", hours, "0s", func(page object) {
			accessAlone(page)
			eachAsset(page, func(asset object) {
				asset["updateTime"] = time.Now().Add(-threeDays).Format(time.RFC3339Nano)
				delete(asset["iamPolicy"].(object), "etag")
			})
			harmless(page)
		}},
		{"its times are those of when it was made", minute, "1h", func(page object) {
			accessAlone(page)
			eachAsset(page, func(asset object) {
				asset["updateTime"] = time.Now().Format(time.RFC3339Nano)
				delete(asset["iamPolicy"].(object), "etag")
			})
		}},
		{"an older answer", 0, "0s", func(page object) {
			page["readTime"] = time.Now().Add(-time.Hour).Format(time.RFC3339Nano)
			harmless(page)
		}},
		{"an answer without a time", 0, "0s", func(page object) {
			delete(page, "readTime")
			harmless(page)
		}},
		{"entries of another project", 0, "0s", func(page object) {
			eachAsset(page, func(asset object) { asset["ancestors"] = []any{"projects/999", theOrganization} })
			harmless(page)
		}},
		{"entries without a project", 0, "0s", func(page object) {
			eachAsset(page, func(asset object) { delete(asset, "ancestors") })
			harmless(page)
		}},
		{"two entries of one resource", 0, "0s", func(page object) {
			live := page["assets"].([]any)
			text, _ := json.Marshal(object{"assets": live})
			second := object{}
			_ = json.Unmarshal(text, &second)
			harmless(second)
			page["assets"] = append(live, second["assets"].([]any)...)
		}},
		{"entries that say that they are cut", 0, "0s", func(page object) {
			eachAsset(page, func(asset object) {
				asset["assetExceptions"] = []any{object{"exceptionType": "TRUNCATION"}}
			})
			harmless(page)
		}},
		{"conditions that are left out", 0, "0s", func(page object) {
			eachAsset(page, func(asset object) {
				for _, one := range asset["iamPolicy"].(object)["bindings"].([]any) {
					one.(object)["role"] = one.(object)["role"].(string) + "_withcond_0123456789abcdef0123"
				}
			})
		}},
		{"entries of another type", 0, "0s", func(page object) {
			eachAsset(page, func(asset object) { asset["assetType"] = "compute.googleapis.com/BackendService" })
			harmless(page)
		}},
		{"a page that is missing", 0, "0s", func(page object) { page["assets"] = page["assets"].([]any)[:1] }},
		{"no entries", 0, "0s", func(page object) { delete(page, "assets") }},
		{"a page that cannot be read", 0, "0s", func(page object) { page["nextPageToken"] = "!" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSettled(t)
			if tc.opened != 0 {
				s.at(tc.opened)
				s.mayPass("allUsers")
				s.at(0)
			}
			s.SetFaults(`[{"action":"stale-inventory","delay":"` + tc.lag + `"}]`)
			if tc.spoil == nil {
				tc.spoil = func(object) {}
			}
			live, found := s.audit(t, s.URL()), s.audit(t, s.spoil(t, tc.spoil), "--inventory", "auto")
			if live[playground.Scenario[1].Name()].Exposed != "yes" ||
				(live[playground.Scenario[0].Name()].Exposed == "yes") != (tc.opened != 0) {
				t.Fatalf("the live look shows %+v", live)
			}
			for name, one := range found {
				if diff := cmp.Diff(live[name], one, besidesVersions); diff != "" {
					t.Errorf("%s (-live +with the inventory):\n%s", name, diff)
				}
			}
			if len(found) != len(live) {
				t.Errorf("%d services, want %d", len(found), len(live))
			}
		})
	}
}

// What cannot be had from an inventory is read as without one, and somebody is not kept waiting for it.
func TestAnAuditGoesOnWithoutAnInventory(t *testing.T) {
	s := newSettled(t)
	for name, fault := range map[string]string{
		"the API is off":          `{"action":"status","method":"cloudasset.*","status":403,"reason":"SERVICE_DISABLED"}`,
		"a permission is missing": `{"action":"status","method":"cloudasset.*","status":403}`,
		"the audit log is denied": `{"action":"status","method":"logging.entries.list","status":403}`,
	} {
		s.SetFaults("[" + fault + "]")
		live, before := s.audit(t, s.URL()), len(s.Calls())
		if diff := cmp.Diff(live, s.audit(t, s.URL(), "--inventory", "auto")); diff != "" {
			t.Errorf("%s (-live +with the inventory):\n%s", name, diff)
		}
		if reads := s.reads(before); reads != 6 {
			t.Errorf("%s: %d policies are read, want 6", name, reads)
		}
	}
	wrong := auditOptions{inventory: "on", shown: auditShown{sort: "risk"}}
	_, err := wrong.auditAll(t.Context(), []string{"projects/a-shop"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "write auto or off") {
		t.Errorf("--inventory=on: %v", err)
	}
}

// A project that no list shows is in an audit where the inventory has a service of it.
func TestAnInventoryNamesProjectsThatAreNotListed(t *testing.T) {
	o, _ := departments(t)
	endpoint := through(t, o, func(*http.Request) {}, func(answer *http.Response) error {
		if answer.Request.URL.Path != "/v3/projects" {
			return nil
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		_ = answer.Body.Close() // it was read
		listed := object{}
		if err := json.Unmarshal(text, &listed); err != nil {
			return err
		}
		all, _ := listed["projects"].([]any)
		listed["projects"] = slices.DeleteFunc(all,
			func(one any) bool { return one.(object)["projectId"] == "other-project" })
		if text, err = json.Marshal(listed); err != nil {
			return err
		}
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
		return nil
	})
	const hidden = "projects/other-project/locations/us-central1/services/open"
	for flag, want := range map[string]bool{"off": false, "auto": true} {
		text, _ := auditRun(t, "audit", theOrganization, "--endpoint", endpoint, "--format", "json",
			"--inventory", flag)
		if got := slices.Contains(servicesOf(parsed(t, text).Services), hidden); got != want {
			t.Errorf("--inventory=%s: %s is there %t, want %t", flag, hidden, got, want)
		}
	}
}

func TestEveryFormatSaysAsOfWhen(t *testing.T) {
	s := newSettled(t)
	for format, want := range map[string]string{
		"text": "UTC: IAM policies by Cloud Asset Inventory", "md": "UTC: IAM policies by Cloud Asset Inventory",
		"html": "UTC: IAM policies by Cloud Asset Inventory", "csv": "Z,inventory\n", "json": `"by":"inventory"`,
		"ndjson": `"by":"inventory"`,
	} {
		began := time.Now().UTC()
		text, _ := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", s.URL(), "--format", format,
			"--inventory", "auto")
		stamped := began.Minute() != time.Now().Minute() || strings.Contains(text, began.Format("2006-01-02 15:04")) ||
			strings.Contains(text, began.Format("2006-01-02T15:04"))
		if strings.Count(text, want) < 2 && format != "md" || !strings.Contains(text, want) || !stamped {
			t.Errorf("%s lacks %q, or the time of the inventory:\n%s", format, want, text)
		}
	}
}

func TestAnInventoryGoesNotBeyondTheTarget(t *testing.T) {
	s := newSettled(t)
	text, _ := auditRun(t, "audit", "projects/123456789012/locations/europe-west1", "--endpoint", s.URL(),
		"--format", "json", "--inventory", "auto")
	found := parsed(t, text).Services
	if diff := cmp.Diff([]string{playground.Scenario[1].Name()}, servicesOf(found)); diff != "" || found[0].AsOf == nil {
		t.Errorf("services (-want +got), as of the inventory:\n%s%+v", diff, found)
	}
}

// What apply writes, and what plan says of it, follows what the APIs themselves say.
func TestNoWriteFollowsAnInventory(t *testing.T) {
	s := newSettled(t)
	s.SetFaults(`[{"action":"stale-inventory","delay":"1h"}]`)
	s.at(-time.Minute)
	s.mayPass("allUsers", "user:alice@example.com")
	s.at(0)
	rules := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(rules, []byte(cloudtest.Policy()), 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(s.Calls())
	for _, command := range [][]string{{"plan"}, {"apply", "--yes"}} {
		auditRun(t, append(command, playground.Scenario[0].Name(), "--policy", rules, "--endpoint", s.URL())...)
	}
	for _, call := range s.Calls()[before:] {
		if strings.HasPrefix(call.Method, "cloudasset.") {
			t.Errorf("%s is called", call.Method)
		}
	}
	if one := s.audit(t, s.URL())[playground.Scenario[0].Name()]; one.Exposed != "no" {
		t.Errorf("after apply the service is %+v, want it not exposed", one)
	}
}
