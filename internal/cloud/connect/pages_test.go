package connect

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	containers "google.golang.org/api/cloudresourcemanager/v3"

	"github.com/iapguard/iapguard/internal/fault"
)

// projectPages serves a list of three pages. The token of the last one expires so many times.
func projectPages(t *testing.T, expires int, status int) *containers.ProjectsListCall {
	t.Helper()
	pages := map[string]string{"": `{"projects":[{"projectId":"a"}],"nextPageToken":"two"}`,
		"two":   `{"projects":[{"projectId":"b"}],"nextPageToken":"three"}`,
		"three": `{"projects":[{"projectId":"c"}]}`}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("pageToken")
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("parent") == "folders/0" || token == "three" && expires > 0 {
			expires--
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"code":%d,"message":"The page token\nis not valid."}}`, status)
			return
		}
		fmt.Fprint(w, pages[token])
	}))
	t.Cleanup(server.Close)
	options, err := Config{Endpoint: server.URL}.Options(t.Context(), ResourceManager)
	if err != nil {
		t.Fatal(err)
	}
	service, err := containers.NewService(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return service.Projects.List()
}

func TestAListWhosePageTokenExpiresIsReadAgain(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusGone} {
		for expires, want := range map[int]struct {
			projects []string
			kind     fault.Kind
		}{
			0: {projects: []string{"a", "b", "c"}},
			1: {projects: []string{"a", "b", "c"}},
			2: {[]string{"a", "b"}, fault.Unavailable},
		} {
			var got []string
			err := AllPages(t.Context(), projectPages(t, expires, status).Parent("folders/1").Pages,
				func(page *containers.ListProjectsResponse) error {
					for _, project := range page.Projects {
						got = append(got, project.ProjectId)
					}
					return nil
				})
			if diff := cmp.Diff(want.projects, got); diff != "" {
				t.Errorf("%d, %d times: projects (-want +got):\n%s", status, expires, diff)
			}
			if (err == nil) != (want.kind == "") || err != nil && fault.Of(Classify(err)).Kind != want.kind {
				t.Errorf("%d, %d times: error %v, want one of kind %q", status, expires, err, want.kind)
			}
			if err != nil && Classify(err).Error() != "the list ended before its last page: the page token no longer holds: "+
				"The page token is not valid." {
				t.Errorf("error %q", Classify(err))
			}
		}
	}
}

func TestARefusedListWithoutATokenIsWrong(t *testing.T) {
	_, err := projectPages(t, 0, http.StatusBadRequest).Parent("folders/0").Do()
	if kind := fault.Of(Classify(err)).Kind; kind != fault.Invalid {
		t.Errorf("%v is %q, want %q", err, kind, fault.Invalid)
	}
}
