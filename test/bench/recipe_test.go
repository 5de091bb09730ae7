package bench

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/port"
)

// shop is what is protected by hand and by us.
var shop = playground.LoadBalanced{Service: "shop", Region: "us-central1", Host: "shop.example.com"}

const agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"

// recipe is Google's, as commands of gcloud: those that it has to have, and with them who gets in
// and what is closed.
var recipe = []struct {
	line string
	must bool
}{
	{"beta services identity create --service=iap.googleapis.com", true},
	{"run services add-iam-policy-binding shop --region=us-central1 --role=roles/run.invoker --member=" + agent, true},
	{"iap web add-iam-policy-binding --resource-type=backend-services --service=shop-backend " +
		"--member=user:alice@example.com --role=roles/iap.httpsResourceAccessor", false},
	{"compute backend-services update shop-backend --global --iap=enabled", true},
	{"run services update shop --region=us-central1 --ingress=internal-and-cloud-load-balancing", false},
	{"run services remove-iam-policy-binding shop --region=us-central1 --role=roles/run.invoker --member=allUsers",
		false},
}

// byHand is what protecting one service takes as whole processes, in milliseconds.
type byHand struct{ whole, three, ours, wholeCPU, oursCPU figure }

// protectOne protects a service by gcloud and by iapguard, in turn, in a local cloud that answers
// each call after a time.
func protectOne(t *testing.T, latency time.Duration, rounds int) (m byHand) {
	l := startLocal(t, latency)
	l.shop()
	l.run("gcloud", "--quiet", "run", "services", "list", "--region=us-central1") // fills the caches of the disk
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(cloudtest.Policy()), 0o600); err != nil {
		t.Fatal(err)
	}
	for range rounds {
		l.shop()
		var whole, three, cpu time.Duration
		for _, command := range recipe {
			took, used := l.run("gcloud", append([]string{"--quiet"}, strings.Fields(command.line)...)...)
			if whole, cpu = whole+took, cpu+used; command.must {
				three += took
			}
		}
		l.shop()
		took, used := l.run(binary.Command(t), "apply", "--yes", "--policy", policy, shop.Name())
		m.whole.addTime(whole)
		m.three.addTime(three)
		m.ours.addTime(took)
		m.wholeCPU.addTime(cpu)
		m.oursCPU.addTime(used)
	}
	return m
}

// local is a running `iapguard local`, and the environment that leads programs to it.
type local struct {
	t   *testing.T
	url string
	env []string
}

func startLocal(t *testing.T, latency time.Duration) *local {
	t.Helper()
	address := port.Free(t)
	command := exec.Command(binary.Command(t), "local", "--cloud-only", "--addr", address,
		"--latency", latency.String())
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait() // it was interrupted
	})
	l := &local{t: t, url: "http://" + address}
	until(t, "the local cloud answers", func() bool {
		response, err := http.Get(l.url + "/_local/state")
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	out, err := exec.Command(binary.Command(t), "local", "env", "--addr", address).Output()
	if err != nil {
		t.Fatal(err)
	}
	l.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CLOUDSDK_CONFIG=" + t.TempDir()}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		l.env = append(l.env, name+"="+strings.Trim(value, "'"))
	}
	return l
}

// shop empties the local cloud, and makes a public service with its load balancer.
func (l *local) shop() {
	l.t.Helper()
	response, err := http.Post(l.url+"/_local/reset", "application/json", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	response.Body.Close()
	client := playground.Client{URL: l.url}
	if err := shop.Deploy(l.t.Context(), client); err != nil {
		l.t.Fatal(err)
	}
	if err := shop.Balance(l.t.Context(), client); err != nil {
		l.t.Fatal(err)
	}
}

// run runs a program to its end, and returns how long that took, and what it used of a processor.
func (l *local) run(name string, args ...string) (took, processor time.Duration) {
	l.t.Helper()
	command := exec.Command(name, args...)
	command.Env = l.env
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	began := time.Now()
	if err := command.Run(); err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, said.String())
	}
	return time.Since(began), command.ProcessState.UserTime() + command.ProcessState.SystemTime()
}
