package function

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestHealthSaysWhatIsMissingForTheWork(t *testing.T) {
	for name, tc := range map[string]struct {
		lose func(s *benchSetup)
		says []string // each is a part of a line; none = ready
	}{
		"all is there": {func(*benchSetup) {}, nil},
		"topics that do not exist": {func(s *benchSetup) {
			s.config.ReportsTopic = "projects/demo-project/topics/no-reports"
			s.config.WorkTopic = "projects/demo-project/topics/no-work"
		}, []string{"topics/no-reports", "topics/no-work"}},
		"the bucket does not exist": {func(s *benchSetup) { s.config.Memory = "gs://nowhere-at-all" }, []string{"gs://nowhere-at-all"}},
		"no permission": {func(s *benchSetup) {
			stranger := "stranger@demo-project.iam.gserviceaccount.com"
			s.config.Self, s.config.Connect.Self = stranger, stranger
		}, []string{"in project demo-project stranger@demo-project.iam.gserviceaccount.com may not: compute.backendServices.list"}},
	} {
		t.Run(name, func(t *testing.T) {
			setup := benchConfig(t, cloudtest.Policy())
			setup.config.PubSubHost, setup.config.ReportsTopic = setup.cloud.Broker.Address(), playground.ReportsTopic
			tc.lose(&setup)
			b := startBench(t, setup)
			for path, want := range map[string]int{"/healthz": http.StatusOK, "/healthz?ready": http.StatusServiceUnavailable} {
				if tc.says == nil {
					want = http.StatusOK
				}
				answer := httptest.NewRecorder()
				b.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
				if answer.Code != want {
					t.Errorf("%s: status %d, want %d: %s", path, answer.Code, want, answer.Body)
				}
				for _, part := range tc.says {
					if strings.Contains(path, "ready") && !strings.Contains(answer.Body.String(), part) {
						t.Errorf("the answer %q does not name %q", answer.Body, part)
					}
				}
			}
		})
	}
}

// The check is open to everybody who reaches the function, and costs calls.
func TestHealthAsksOnceForManyChecks(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	ask := func() int {
		b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/healthz?ready", nil))
		return len(b.Calls().Own())
	}
	once := ask()
	if again := ask(); once == 0 || again != once {
		t.Errorf("%d calls after one check, %d after two", once, again)
	}
	b.Later(readyKept)
	if later := ask(); later <= once {
		t.Errorf("%d calls after the answer is too old, want more than %d", later, once)
	}
}
