package gcloud

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/deploy/filters"
)

// TestGcloudTakesWhatThePagesSay types what README.md, the pages of deploy/ and the
// advice of reports has people type, as far as the local cloud serves it.
func TestGcloudTakesWhatThePagesSay(t *testing.T) {
	t.Parallel()
	l := start(t, "--cloud-only")
	l.haveShop()
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	if err := os.WriteFile(holds, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const account, url = "pusher@demo-project.iam.gserviceaccount.com", "https://shop-123456789012.us-central1.run.app"
	for _, line := range []string{
		"iam service-accounts create pusher",
		"resource-manager folders create --display-name=wave --organization=987654321098",
		"resource-manager folders add-iam-policy-binding 410000000001 --member=serviceAccount:" + account +
			" --role=organizations/987654321098/roles/iapguardWriter",
		"iam service-accounts add-iam-policy-binding " + account +
			" --member=user:dev@example.com --role=roles/iam.serviceAccountTokenCreator",
		"iam roles create iapguardExtra --project=demo-project --permissions=run.domainmappings.list",
		"projects add-iam-policy-binding demo-project --member=serviceAccount:" + account +
			" --role=projects/demo-project/roles/iapguardExtra --condition=None",
		"iam service-accounts add-iam-policy-binding " + account +
			" --member=user:dev@example.com --role=roles/iam.serviceAccountUser",
		"secrets create iapguard-holds --data-file=" + holds,
		"secrets versions add iapguard-holds --data-file=" + holds,
		"secrets versions access latest --secret=iapguard-holds",
		"secrets list",
		"secrets add-iam-policy-binding iapguard-holds --member=serviceAccount:" + account +
			" --role=roles/secretmanager.secretAccessor",
		"pubsub topics create iapguard-events iapguard-dead-letters",
		"pubsub topics add-iam-policy-binding iapguard-events --member=serviceAccount:" + account +
			" --role=roles/pubsub.publisher",
		"pubsub topics list",
		"pubsub subscriptions create iapguard-dead-letters --topic=iapguard-dead-letters --expiration-period=never",
		"pubsub subscriptions create iapguard-events --topic=iapguard-events --push-endpoint=" + url +
			" --push-auth-service-account=" + account +
			" --ack-deadline=600 --min-retry-delay=10s --max-retry-delay=120s --dead-letter-topic=iapguard-dead-letters " +
			"--max-delivery-attempts=30 --expiration-period=never",
		"pubsub subscriptions add-iam-policy-binding iapguard-events --member=serviceAccount:" + account +
			" --role=roles/pubsub.subscriber",
		"scheduler jobs create http iapguard-sweep --location=us-central1 --schedule=@hourly --uri=" + url +
			"/commands --oidc-service-account-email=" + account,
		"scheduler jobs describe iapguard-sweep --location=us-central1",
		"beta run domain-mappings create --service=shop --domain=www.example.com --region=us-central1",
		"beta run domain-mappings list --region=us-central1",
		"projects get-ancestors demo-project",
		"iap settings get --project=demo-project --resource-type=compute --service=shop-be",
		"beta iap web add-iam-policy-binding --resource-type=cloud-run --service=shop --region=us-central1 " +
			"--member=user:a@example.com --role=roles/iap.httpsResourceAccessor",
		"beta run services update shop --region=us-central1 --iap",
		"beta run services update shop --region=us-central1 --project=demo-project --no-iap",
		"run services update-traffic shop --region=us-central1 --project=demo-project --to-latest",
		"logging write iapguard-heartbeat {\"iapguard\":\"heartbeat\"} --payload-type=json",
	} {
		l.gcloud(line)
	}
	for name, filter := range map[string]string{"iapguard-events": filters.Events(account),
		"iapguard-requests": filters.Requests()} {
		l.run("gcloud", "--quiet", "logging", "sinks", "create", name,
			"pubsub.googleapis.com/projects/demo-project/topics/iapguard-events", "--log-filter="+filter)
	}
}

func TestTheDoctorsRedeployMakesANewRevisionEachTime(t *testing.T) {
	t.Parallel()
	l := start(t, "--cloud-only")
	l.gcloud("run deploy shop --image=us-docker.pkg.dev/cloudrun/container/hello --region=us-central1 " +
		"--no-allow-unauthenticated")
	for range 2 { // the label is the same the second time
		l.gcloud("run services update shop --region=us-central1 --project=demo-project --update-labels=redeployed-for=iap")
	}
	list := exec.CommandContext(t.Context(), "gcloud", "run", "revisions", "list", "--service=shop",
		"--region=us-central1", "--format=value(name)")
	list.Env = l.env
	out, err := list.Output()
	if got := len(strings.Fields(string(out))); err != nil || got != 3 {
		t.Errorf("%d revisions (%q, %v), want one for the deployment and one for each redeploy", got, out, err)
	}
}
