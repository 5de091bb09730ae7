package cases

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/test/binary"
)

// folder is where the cases are.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "cases"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("skipped: the cases are not beside the checkout: %v", err)
	}
	return dir
}

func TestMain(m *testing.M) { binary.Main(m) }

func TestEachSituationIsSeenAsItIs(t *testing.T) {
	dir := folder(t)
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: the scripts need %s: %v", tool, err)
		}
	}
	path, free := patientPath(t), ports{}
	for _, tc := range []struct {
		script    string
		says      []string
		saysNever []string
	}{
		{"01-iap-open-to-everybody.sh", []string{"a stranger at the guarded door: 200", "! open     https://203.0.113.1",
			"IAP lets everybody in (allUsers)", "audit --exit-code: 3", "PLANNED"}, nil},
		{"03-workforce-only.sh", []string{"WAITING"}, []string{"enable-iap"}},
		{"04-external-identities.sh", []string{"PLANNED", "enable-iap"}, []string{"grant-access", "NO_ACCESSOR"}},
		{"05-multi-region.sh", []string{"+ grant-invoker", "locations/us-central1/services/mr",
			"~ restrict-ingress       projects/demo-project/locations/global/services/mr"},
			[]string{"no load balancer", "enable-direct-iap"}},
		{"06-doctor-blind-to-iap-refusal.sh", []string{"NOT_AN_ACCESSOR", "in the load balancer's request log"}, nil},
		{"07-foreign-token-401.sh", []string{"with a token of its own in Authorization too", "FOREIGN_TOKEN",
			`{"kind":"run-request-denied","ignored":null,"why":null}`}, nil},
		{"08-webhook-path.sh", []string{`breaks   visitor 127.0.0.1 "Stripe/1.0", which asked 3 times`}, nil},
		{"12-function-neg.sh", []string{"unknown  https://203.0.113.1", "a load balancer for Cloud Functions may lead here"},
			[]string{"no load balancer's backend service leads"}},
	} {
		port := free.pair(t)
		t.Run(tc.script, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			script := exec.CommandContext(ctx, "bash", filepath.Join(dir, tc.script))
			script.Env = append(os.Environ(), "IAPGUARD="+binary.Command(t), "PATH="+path, fmt.Sprint("PORT=", port))
			text, err := script.CombinedOutput()
			if ctx.Err() != nil {
				t.Fatalf("%v, %v:\n%s", ctx.Err(), err, text)
			}
			for _, want := range tc.says {
				if !strings.Contains(string(text), want) {
					t.Errorf("nothing says %q:\n%s", want, text)
				}
			}
			for _, never := range tc.saysNever {
				if strings.Contains(string(text), never) {
					t.Errorf("something says %q:\n%s", never, text)
				}
			}
		})
	}
}

func TestEachLogEntryIsReadOrItsFormIsNamed(t *testing.T) {
	dir := folder(t)
	for _, tc := range []struct{ file, says string }{
		{"log-01-pulumi-system-event.json", "run-service-ready"},
		{"log-02-job-execution-done.json", "ignored: other-service"},
		{"log-03-functions-v2-update-last.json", "ignored: other-service"}, // Cloud Run's own entries follow
		{"log-04-functions-v2-update-first.json", "ignored: other-service"},
		{"log-06-log-analytics-row.json",
			"run-service-changed       projects/example-project-200001/locations/us-central1/services/shop  by u@example.com"},
		{"log-07-asset-feed-resource.json",
			"run-service-changed       projects/example-project-200001/locations/us-central1/services/shop"},
		{"log-08-asset-feed-iam.json",
			"run-iam-changed           projects/example-project-200001/locations/us-central1/services/shop"},
		{"log-09-scc-finding.json",
			"finding-reported          projects/example-project-200001/locations/us-central1/services/shop"},
		{"log-10-yaml-minimal-v2.yaml", "run-service-changed"},
		{"log-11-push-minimal.json", "run-service-changed"},
		{"log-12-minimal-v2.json", "run-service-changed"},
		{"log-14-console-text-line.txt", "a line of the Logs Explorer"},
		{"log-15-v2-method-v1-name.json", "no location is named"},
		{"log-17-cloud-run-401.json", "run-request-denied"},
		{"log-19-lb-denied-by-cloud-iap.json", "lb-request-denied-by-iap"},
		{"log-20-multi-region-create.json",
			"run-service-changed       projects/example-project-200001/locations/global/services/mr"},
	} {
		t.Run(tc.file, func(t *testing.T) {
			text, err := exec.CommandContext(t.Context(), binary.Command(t), "explain",
				filepath.Join(dir, tc.file)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v:\n%s", err, text)
			}
			if !strings.Contains(string(text), tc.says) {
				t.Errorf("nothing says %q:\n%s", tc.says, text)
			}
		})
	}
}
