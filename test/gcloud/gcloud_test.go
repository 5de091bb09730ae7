package gcloud

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/gcloud/forkserver"
	"github.com/iapguard/iapguard/test/port"
)

// patience is how long a test waits for what must come; it passes as soon as
// it has come.
const patience = 60 * time.Second

var separate = flag.Bool("separate", false, "every gcloud command is a process of its own, as at a terminal")

func TestMain(m *testing.M) {
	forkserver.Main()
	flag.Parse()
	if _, err := exec.LookPath("gcloud"); err != nil || *separate {
		binary.Main(m)
	}
	server, err := forkserver.Start()
	if err == nil {
		err = os.Setenv("PATH", server.Folder+":"+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary.Main(m, server.Close)
}

// local is a running `iapguard local`.
type local struct {
	t    *testing.T
	url  string
	env  []string
	mu   sync.Mutex
	said []published
}

// published is what is needed of a report's CloudEvent.
type published struct{ Type, Subject string }

func start(t *testing.T, flags ...string) *local {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("skipped: gcloud is not installed here")
	}
	addr := port.Free(t)
	command := exec.Command(binary.Command(t), append([]string{"local", "--format", "json", "--discovery", "--addr", addr}, flags...)...)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	l := &local{t: t, url: "http://" + addr}
	read := make(chan struct{})
	go func() { defer close(read); l.read(out) }()
	t.Cleanup(func() {
		l.judge()
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-read
		if err := command.Wait(); err != nil {
			t.Errorf("iapguard local ended with %v: %s", err, stderr.String())
		}
	})
	l.until("the local cloud answers", func() bool {
		response, err := http.Get(l.url + "/_local/state")
		if err == nil {
			response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	})
	l.env = l.environment(addr)
	return l
}

// judge fails the test with what the local cloud did that Google's discovery
// documents do not have.
func (l *local) judge() {
	response, err := http.Get(l.url + "/_local/discovery")
	if err != nil {
		l.t.Errorf("asking what discovery found: %v", err)
		return
	}
	defer response.Body.Close()
	var result discovery.Result
	if err := json.NewDecoder(response.Body).Decode(&result); err != nil {
		l.t.Errorf("reading what discovery found: %v", err)
	}
	result.Report(l.t)
}

func (l *local) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one published
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			l.t.Errorf("a line of --format json is not JSON: %q", lines.Text())
		}
		l.mu.Lock()
		l.said = append(l.said, one)
		l.mu.Unlock()
	}
}

// environment is what `iapguard local env` says, beside what every program needs.
func (l *local) environment(addr string) []string {
	l.t.Helper()
	out, err := exec.Command(binary.Command(l.t), "local", "env", "--addr", addr).Output()
	if err != nil {
		l.t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.t.TempDir()}
	for line := range strings.Lines(string(out)) {
		pair, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
		if !ok {
			l.t.Fatalf("local env prints %q", line)
		}
		name, value, _ := strings.Cut(pair, "=")
		env = append(env, name+"="+strings.Trim(value, "'"))
	}
	return append(env, "CLOUDSDK_CONFIG="+l.t.TempDir()) // tests share nothing
}

func (l *local) gcloud(line string) {
	l.t.Helper()
	l.run("gcloud", append([]string{"--quiet"}, strings.Fields(line)...)...)
}

func (l *local) run(name string, args ...string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Env = l.env
	if out, err := command.CombinedOutput(); err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func (l *local) until(what string, holds func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Fatalf("it never came about that %s; reports: %v", what, l.said)
}

// last is the outcome that was published last for a service.
func (l *local) last(service string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.said) - 1; i >= 0; i-- {
		if strings.HasSuffix(l.said[i].Subject, "/services/"+service) {
			return l.said[i].Type[strings.LastIndex(l.said[i].Type, ".")+1:]
		}
	}
	return ""
}

// deployShop builds a public service behind a global load balancer, by gcloud alone.
func (l *local) deployShop() {
	for _, line := range []string{
		"run deploy shop --image=us-docker.pkg.dev/cloudrun/container/hello --region=us-central1 --allow-unauthenticated",
		"compute network-endpoint-groups create shop-neg --region=us-central1 --network-endpoint-type=serverless " +
			"--cloud-run-service=shop",
		"compute backend-services create shop-be --global --load-balancing-scheme=EXTERNAL_MANAGED",
		"compute backend-services add-backend shop-be --global --network-endpoint-group=shop-neg " +
			"--network-endpoint-group-region=us-central1",
		"compute url-maps create shop-map --default-service=shop-be",
		"compute ssl-certificates create shop-cert --domains=shop.example.com --global",
		"compute target-https-proxies create shop-proxy --url-map=shop-map --ssl-certificates=shop-cert",
		"compute forwarding-rules create shop-https --global --target-https-proxy=shop-proxy --ports=443 " +
			"--load-balancing-scheme=EXTERNAL_MANAGED",
	} {
		l.gcloud(line)
	}
}

func TestAServiceDeployedWithGcloudEndsProtected(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.deployShop()
	l.until("shop is protected", func() bool { return l.last("shop") == "protected" || l.last("shop") == "compliant" })
	state := l.state()
	for path, want := range map[string]string{`backendServices/shop-be/iap/enabled$`: "true",
		`services/shop/ingress$`: "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"} {
		if got := find(state, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for path, value := range state {
		if value == "allUsers" {
			t.Errorf("%s still lets everybody in", path)
		}
	}
}

func TestApplyLeavesTheSameStateAsTheRecipeByHand(t *testing.T) {
	t.Parallel()
	const agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	prepare := func() *local {
		l := start(t, "--cloud-only")
		l.haveShop()
		l.gcloud("iap web add-iam-policy-binding --resource-type=backend-services --service=shop-be " +
			"--member=user:alice@example.com --role=roles/iap.httpsResourceAccessor")
		return l
	}
	byHand := prepare()
	for _, line := range []string{
		"beta services identity create --service=iap.googleapis.com",
		"run services add-iam-policy-binding shop --region=us-central1 --member=" + agent + " --role=roles/run.invoker",
		"compute backend-services update shop-be --global --iap=enabled",
		"run services update shop --region=us-central1 --ingress=internal-and-cloud-load-balancing",
		"run services remove-iam-policy-binding shop --region=us-central1 --member=allUsers --role=roles/run.invoker",
	} {
		byHand.gcloud(line)
	}
	ours := prepare()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("version: 1\nrules: [{name: all, settle: 0s, quiet: 0s, propagation: 0s}]\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	ours.run(binary.Command(t), "apply", "--yes", "--policy", policy,
		"projects/demo-project/locations/us-central1/services/shop")
	got, want := compared(ours.state()), compared(byHand.state())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state after apply (-by hand +apply):\n%s", diff)
	}
	if find(got, `iap/enabled$`) != "true" || !strings.Contains(fmt.Sprint(got), agent) {
		t.Error("the two states agree, but IAP is not on or its agent not granted")
	}
}

// state is every leaf of the local cloud's state, by path.
func (l *local) state() map[string]string {
	l.t.Helper()
	response, err := http.Get(l.url + "/_local/state")
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	var tree any
	if err := json.NewDecoder(response.Body).Decode(&tree); err != nil {
		l.t.Fatal(err)
	}
	leaves := map[string]string{}
	walk(tree, "", leaves)
	return leaves
}

func walk(node any, path string, leaves map[string]string) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			walk(value, path+"/"+key, leaves)
		}
	case []any:
		for i, value := range node {
			walk(value, fmt.Sprintf("%s/%d", path, i), leaves)
		}
	default:
		leaves[path] = fmt.Sprint(node)
	}
}

// moving is what differs between any two runs: ids, times, versions, and what
// a client says about itself.
var moving = regexp.MustCompile(
	`(?i)(etag|fingerprint|WithId|time|timestamp|uid|/id|generation|operation|revision|resourceVersion|client|customRe|creator|lastModifier)`)

func compared(state map[string]string) map[string]string {
	kept := map[string]string{}
	for path, value := range state {
		if !moving.MatchString(path) {
			kept[path] = value
		}
	}
	return kept
}

func find(state map[string]string, pattern string) string {
	expression := regexp.MustCompile(pattern)
	for path, value := range state {
		if expression.MatchString(path) {
			return value
		}
	}
	return ""
}

func TestGcloudMakesWhatCallsAService(t *testing.T) {
	t.Parallel()
	l := start(t, "--cloud-only")
	for _, line := range []string{
		"run deploy shop --image=us-docker.pkg.dev/cloudrun/container/hello --region=us-central1 --allow-unauthenticated",
		"iam service-accounts create caller",
		"scheduler jobs create http nightly --location=us-central1 --schedule=@daily " +
			"--uri=https://shop-123456789012.us-central1.run.app/n",
		"scheduler jobs update http nightly --location=us-central1 " +
			"--oidc-service-account-email=caller@demo-project.iam.gserviceaccount.com",
		"scheduler jobs run nightly --location=us-central1",
		"scheduler jobs list --location=us-central1",
		"pubsub topics create orders",
		"pubsub subscriptions create orders --topic=orders --push-endpoint=https://shop-123456789012.us-central1.run.app/o",
		"pubsub subscriptions update orders --push-endpoint=https://shop-123456789012.us-central1.run.app/p " +
			"--push-auth-service-account=caller@demo-project.iam.gserviceaccount.com",
		"pubsub topics publish orders --message=hello",
		"pubsub subscriptions list",
	} {
		l.gcloud(line)
	}
	response, err := http.Get(l.url + "/_local/state")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var state struct {
		CloudScheduler, PubSub map[string]struct {
			LastAttemptTime string
			HTTPTarget      struct {
				OIDCToken struct{ ServiceAccountEmail string }
			}
			LastAnswer int
			PushConfig struct {
				PushEndpoint string
				OIDCToken    struct{ ServiceAccountEmail string }
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&state); err != nil {
		t.Fatal(err)
	}
	const account = "caller@demo-project.iam.gserviceaccount.com"
	job := state.CloudScheduler["projects/demo-project/locations/us-central1/jobs/nightly"]
	if job.LastAttemptTime == "" || job.HTTPTarget.OIDCToken.ServiceAccountEmail != account {
		t.Errorf("the job is %+v, want it run, with the account's token", job)
	}
	subscription := state.PubSub["projects/demo-project/subscriptions/orders"]
	if subscription.LastAnswer != http.StatusOK || !strings.HasSuffix(subscription.PushConfig.PushEndpoint, "/p") ||
		subscription.PushConfig.OIDCToken.ServiceAccountEmail != account {
		t.Errorf("the subscription is %+v, want it pushed and answered 200, with endpoint and account kept", subscription)
	}
}
