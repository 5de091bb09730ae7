package deploy_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
)

// answered is the status and the body of a call of the local cloud as somebody, "" = the
// project's owner.
func (e *fixture) answered(who, method, path string) (int, string) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, e.URL()+path, nil)
	e.done(err)
	if who != "" {
		request.Header.Set("Authorization", "Bearer "+who)
	}
	response, err := http.DefaultClient.Do(request)
	e.done(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	e.done(err)
	return response.StatusCode, string(text)
}

// written are the reports in the bucket of evidence, by the path of each object.
func (e *fixture) written() map[string]string {
	e.t.Helper()
	const objects = "/storage/v1/b/iapguard-evidence-" + number + "/o"
	items, _ := e.CallAs(e.Owner(), http.MethodGet, objects, nil)["items"].([]any)
	reports := map[string]string{}
	for _, item := range items {
		path := objects + "/" + url.PathEscape(item.(map[string]any)["name"].(string))
		_, reports[path] = e.answered("", http.MethodGet, path+"?alt=media")
	}
	return reports
}

// A service is protected, and every value that was there before its first write is in an
// object that neither the function nor an owner of the project deletes or overwrites.
func TestWhatWasWrittenIsEvidenceThatNobodyDeletes(t *testing.T) {
	e := open(t, asShipped, nil)
	e.apply()
	e.Build(worldwide)
	e.until("hello is protected", e.protected("hello"))
	var started string
	e.until("the announcement of the writes is evidence", func() bool {
		for path, report := range e.written() {
			if strings.Contains(report, `"outcome":"started"`) && strings.Contains(report, `"from":`) {
				started = path
			}
		}
		return started != ""
	})
	for _, tc := range []struct{ who, method, because string }{
		{"serviceAccount:" + playground.FunctionAccount, http.MethodGet, "storage.objects.get"},
		{"serviceAccount:" + playground.FunctionAccount, http.MethodDelete, "storage.objects.delete"},
		{"serviceAccount:" + pusher, http.MethodGet, "storage.objects.get"},
		{playground.Developer, http.MethodDelete, "storage.objects.delete"},
		{"", http.MethodDelete, "retentionPolicyNotMet"},
	} {
		if status, said := e.answered(tc.who, tc.method, started); status != http.StatusForbidden ||
			!strings.Contains(said, tc.because) {
			t.Errorf("%s as %q: %d, want 403 because of %s: %.300s", tc.method, tc.who, status, tc.because, said)
		}
	}
	if _, still := e.written()[started]; !still {
		t.Error("the evidence is gone")
	}
}
