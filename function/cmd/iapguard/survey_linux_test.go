package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const theOrganization = "organizations/987654321098"

// departments is a local cloud whose project is in a folder, beside another one deeper below it.
// Each has a service that everybody may call.
func departments(t *testing.T) (o *cloudtest.Env, folder string) {
	t.Helper()
	o = cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario[0])
	made := func(parent, name string) string {
		answer := o.CallAs(o.Owner(), http.MethodPost, "/v3/folders", map[string]any{"parent": parent, "displayName": name})
		response, _ := answer["response"].(map[string]any)
		folder, _ := response["name"].(string)
		if folder == "" {
			t.Fatalf("the folder %s is not made: %v", name, answer)
		}
		return folder
	}
	folder = made(theOrganization, "shops")
	o.CallAs(o.Owner(), http.MethodPost, "/v3/projects/"+playground.Project+":move",
		map[string]any{"destinationParent": folder})
	parents := map[string]string{"deep-project": made(folder, "deep"), "other-project": theOrganization}
	for project, parent := range parents {
		o.CallAs(o.Owner(), http.MethodPost, "/v3/projects", map[string]any{"projectId": project, "parent": parent})
	}
	for _, project := range []string{"deep-project", "other-project"} {
		containers := []any{map[string]any{"image": playground.Image}}
		o.CallAs(o.Owner(), http.MethodPost, "/v2/projects/"+project+"/locations/us-central1/services?serviceId=open",
			map[string]any{"invokerIamDisabled": true, "template": map[string]any{"containers": containers}})
	}
	return o, folder
}

const deepService = "projects/deep-project/locations/us-central1/services/open"

func servicesOf(services []audited) []string {
	var all []string
	for _, one := range services {
		all = append(all, one.Service)
	}
	return all
}

func TestAuditLooksThroughAFolder(t *testing.T) {
	o, folder := departments(t)
	text, status := auditRun(t, "audit", folder, "--endpoint", o.URL(), "--format", "json", "--sort", "service")
	want := []string{deepService, playground.Scenario[0].Name()}
	if diff := cmp.Diff(want, servicesOf(parsed(t, text).Services)); diff != "" || status != exitDone {
		t.Errorf("exit status %d; services (-want +got):\n%s", status, diff)
	}
	text, status = auditRun(t, "audit", theOrganization, "--endpoint", o.URL(), "--format", "json", "--sort", "service")
	want = append(want, "projects/other-project/locations/us-central1/services/open")
	if diff := cmp.Diff(want, servicesOf(parsed(t, text).Services)); diff != "" || status != exitDone {
		t.Errorf("of the organization: exit status %d; services (-want +got):\n%s", status, diff)
	}
	text, status = auditRun(t, "plan", folder, "--endpoint", o.URL(), "--format", "json")
	if lines := strings.Count(text, "\n"); lines != 2 || status != exitDone {
		t.Errorf("plan: exit status %d, %d plans, want 2:\n%s", status, lines, text)
	}
}

func TestAFolderIsSearchedWhereItsListsAreDenied(t *testing.T) {
	o, folder := departments(t)
	for _, method := range []string{"cloudresourcemanager.projects.list", "cloudresourcemanager.folders.list"} {
		o.SetFaults(`[{"action":"status","method":"` + method + `","status":403}]`)
		text, status := auditRun(t, "audit", folder, "--endpoint", o.URL(), "--format", "json", "--sort", "service")
		want, got := []string{deepService, playground.Scenario[0].Name()}, servicesOf(parsed(t, text).Services)
		if diff := cmp.Diff(want, got); diff != "" || status != exitDone {
			t.Errorf("without %s: exit status %d; services (-want +got):\n%s", method, status, diff)
		}
	}
}

func TestAuditStreamsServicesAndEndsWithTotals(t *testing.T) {
	o, folder := departments(t)
	text, status := auditRun(t, "audit", folder, "--endpoint", o.URL(), "--format", "ndjson", "--exit-code")
	found := map[string]bool{}
	var last map[string]any
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		last = nil
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		if service, ok := last["service"].(string); ok {
			found[service] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{deepService: true, playground.Scenario[0].Name(): true}, found); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	totals, _ := last["totals"].(map[string]any)
	if _, has := last["services"]; has || totals["exposed"] != 2.0 || status != exitPending {
		t.Errorf("exit status %d, want %d; last line %v", status, exitPending, last)
	}
}

func TestWhatIsNotReadIsNamedAndTheRestGoesOn(t *testing.T) {
	o, folder := departments(t)
	address := through(t, o, func(*http.Request) {}, func(answer *http.Response) error {
		if path := answer.Request.URL.Path; strings.Contains(path, "/projects/deep-project/") ||
			strings.Contains(path, "/namespaces/deep-project/") {
			_ = answer.Body.Close() // another body takes its place
			refused := `{"error":{"code":403,"message":"it is gone"}}`
			answer.StatusCode, answer.Body = http.StatusForbidden, io.NopCloser(strings.NewReader(refused))
			answer.ContentLength = int64(len(refused))
			answer.Header.Set("Content-Length", strconv.Itoa(len(refused)))
		}
		return nil
	})
	text, status := auditRun(t, "audit", folder, "--endpoint", address, "--format", "json", "--sort", "service")
	got := parsed(t, text).Services
	if diff := cmp.Diff([]string{"projects/deep-project", playground.Scenario[0].Name()}, servicesOf(got)); diff != "" {
		t.Fatalf("services (-want +got):\n%s", diff)
	}
	if !strings.Contains(got[0].Error, "deep-project") || got[0].Exposed != "unknown" || status != exitFailed {
		t.Errorf("exit status %d, want %d; the project: %+v", status, exitFailed, got[0])
	}
	if _, status := auditRun(t, "audit", folder, "--endpoint", address, "--exit-code"); status != exitPending {
		t.Errorf("with --exit-code: exit status %d, want %d: what is not read may be open", status, exitPending)
	}
}
