package scheduler_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/scheduler"
)

const location = "projects/demo-project/locations/us-central1"

// jobs is Google's own client of a new local cloud, as the project's owner.
func jobs(t *testing.T) *client.ProjectsLocationsJobsService {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t)})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	service, err := client.NewService(t.Context(), option.WithEndpoint(server.URL+"/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return service.Projects.Locations.Jobs
}

func TestAJobIsMadeReadChangedRunAndDeleted(t *testing.T) {
	api := jobs(t)
	job := &client.Job{Name: location + "/jobs/nightly", Schedule: "0 3 * * *", HttpTarget: &client.HttpTarget{
		Uri:       "https://nobody-123456789012.us-central1.run.app/x",
		OidcToken: &client.OidcToken{ServiceAccountEmail: "a@b.example"},
	}}
	made, err := api.Create(location, job).Do()
	if err != nil {
		t.Fatal(err)
	}
	if made.State != "ENABLED" || made.HttpTarget.HttpMethod != http.MethodPost ||
		made.HttpTarget.OidcToken.Audience != job.HttpTarget.Uri {
		t.Errorf("made %+v with target %+v: want it enabled, POST, and the URI as audience", made, made.HttpTarget)
	}
	if _, err := api.Create(location, job).Do(); clienttest.Code(err) != http.StatusConflict {
		t.Errorf("made twice: %v", err)
	}
	changed, err := api.Patch(job.Name, &client.Job{Schedule: "0 4 * * *"}).UpdateMask("schedule").Do()
	if err != nil || changed.Schedule != "0 4 * * *" || changed.HttpTarget == nil {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	for _, place := range []string{location, "projects/demo-project/locations/-"} {
		if list, err := api.List(place).Do(); err != nil || len(list.Jobs) != 1 {
			t.Errorf("%s holds %+v, %v; want the job", place, list, err)
		}
	}
	if list, err := api.List("projects/demo-project/locations/europe-west1").Do(); err != nil || len(list.Jobs) != 0 {
		t.Errorf("another location holds %+v, %v", list, err)
	}
	run, err := api.Run(job.Name, &client.RunJobRequest{}).Do()
	if err != nil || run.Status == nil || run.Status.Code != 5 || run.LastAttemptTime == "" {
		t.Errorf("run against nobody: %+v, %v; want NOT_FOUND", run, err)
	}
	if _, err := api.Delete(job.Name).Do(); err != nil {
		t.Error(err)
	}
	if _, err := api.Get(job.Name).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestWhatIsNoHTTPJobIsRefused(t *testing.T) {
	api := jobs(t)
	for name, job := range map[string]*client.Job{
		"no target": {Name: location + "/jobs/a"}, "no name": {HttpTarget: &client.HttpTarget{Uri: "https://a.example"}},
		"elsewhere": {Name: "projects/demo-project/locations/europe-west1/jobs/a",
			HttpTarget: &client.HttpTarget{Uri: "https://a.example"}},
	} {
		if _, err := api.Create(location, job).Do(); clienttest.Code(err) != http.StatusBadRequest {
			t.Errorf("%s: %v, want a 400", name, err)
		}
	}
}

// gcloud writes bytes in the URL-safe alphabet.
func TestWhatAJobSendsIsTakenInBothAlphabets(t *testing.T) {
	sent := ""
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(scheduler.New(s, scheduler.Senders{
		HTTP: func(request dataplane.Sent) (int, error) {
			sent = string(request.Body)
			return http.StatusOK, nil
		},
		Publish: func(_ string, data []byte, _ map[string]string) error {
			sent = string(data)
			return nil
		},
	}))
	t.Cleanup(s.Close)
	for id, target := range map[string]string{
		"http":     `"httpTarget":{"uri":"https://a.example","body":"fn5-Pz8_"}`,
		"topic":    `"pubsubTarget":{"topicName":"projects/demo-project/topics/t","data":"fn5-Pz8_"}`,
		"standard": `"pubsubTarget":{"topicName":"projects/demo-project/topics/t","data":"fn5+Pz8/"}`,
	} {
		name := location + "/jobs/" + id
		sent = ""
		for _, step := range [][2]string{
			{"/v1/" + location + "/jobs", `{"name":"` + name + `","schedule":"0 3 * * *",` + target + `}`},
			{"/v1/" + name + ":run", "{}"},
		} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, step[0], strings.NewReader(step[1])))
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", step[0], w.Code, w.Body)
			}
		}
		if sent != "~~~???" {
			t.Errorf("%s: it sent %q, want ~~~???", id, sent)
		}
	}
}
