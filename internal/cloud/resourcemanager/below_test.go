package resourcemanager

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// hierarchy answers what Resource Manager says of organization 9 with folders 1 and, in it, 2.
func hierarchy(t *testing.T, denied string) *Client {
	t.Helper()
	answers := map[string]string{
		"/v3/folders/1":                      `{"name":"folders/1","parent":"organizations/9"}`,
		"/v3/folders?parent=organizations/9": `{"folders":[{"name":"folders/1","state":"ACTIVE"}]}`,
		"/v3/folders?parent=folders/1": `{"folders":[{"name":"folders/2"},
			{"name":"folders/3","state":"DELETE_REQUESTED"}]}`,
		"/v3/folders?parent=folders/2":        `{}`,
		"/v3/projects?parent=organizations/9": `{"projects":[{"name":"projects/90","projectId":"at-the-top"}]}`,
		"/v3/projects?parent=folders/1": `{"nextPageToken":"more",
			"projects":[{"name":"projects/10","projectId":"in-one"}]}`,
		"/v3/projects?parent=folders/1&p=more": `{"projects":[{"name":"projects/11","projectId":"old",
			"state":"DELETE_REQUESTED"}]}`,
		"/v3/projects?parent=folders/2": `{"projects":[{"name":"projects/20","projectId":"in-two"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Path
		if parent := r.URL.Query().Get("parent"); parent != "" {
			asked += "?parent=" + parent
		}
		if token := r.URL.Query().Get("pageToken"); token != "" {
			asked += "&p=" + token
		}
		answer, known := answers[asked]
		if w.Header().Set("Content-Type", "application/json"); !known || asked == denied {
			w.WriteHeader(http.StatusForbidden)
			answer = `{"error":{"code":403,"message":"The caller does not have permission"}}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	client, err := New(t.Context(), connect.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestProjectsAreListedAtAnyDepthWithWhatIsAbove(t *testing.T) {
	placed := func(id, number string, folders ...string) Placed {
		above := posture.Ancestors{Known: true, Folders: folders, Organization: "organizations/9"}
		return Placed{Project{id, number, true}, above}
	}
	one, two := placed("in-one", "10", "folders/1"), placed("in-two", "20", "folders/2", "folders/1")
	for container, want := range map[string][]Placed{
		"organizations/9": {placed("at-the-top", "90"), one, two},
		"folders/1":       {one, two},
	} {
		got, err := hierarchy(t, "").Below(t.Context(), container)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v; projects (-want +got):\n%s", container, err, diff)
		}
	}
}

func TestADeniedListLeavesTheProjectsOfTheOthers(t *testing.T) {
	for denied, want := range map[string]struct {
		permission string
		ids        []string
	}{
		"/v3/folders?parent=folders/1":        {"resourcemanager.folders.list", []string{"at-the-top", "in-one"}},
		"/v3/projects?parent=folders/2":       {"resourcemanager.projects.list", []string{"at-the-top", "in-one"}},
		"/v3/projects?parent=organizations/9": {"resourcemanager.projects.list", []string{"in-one", "in-two"}},
	} {
		got, err := hierarchy(t, denied).Below(t.Context(), "organizations/9")
		var ids []string
		for _, each := range got {
			ids = append(ids, each.ID)
		}
		if diff := cmp.Diff(want.ids, ids); diff != "" || fault.Of(err).Permission != want.permission {
			t.Errorf("%s: %v; projects (-want +got):\n%s", denied, err, diff)
		}
	}
}

// A folder whose parent may not be read is listed all the same.
func TestWhatIsAboveAFolderMayStayUnknown(t *testing.T) {
	got, err := hierarchy(t, "/v3/folders/1").Below(t.Context(), "folders/1")
	if err != nil || len(got) != 2 || got[0].Ancestors.Known || got[1].Ancestors.Known {
		t.Errorf("%+v, %v; want two projects whose ancestors are not known", got, err)
	}
}
