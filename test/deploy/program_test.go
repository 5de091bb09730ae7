package deploy_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

func TestMain(m *testing.M) { binary.Main(m) }

// program is the running binary. Its URL leads to it and counts.
type program struct {
	URL      string
	requests atomic.Int64

	mu  sync.Mutex
	log bytes.Buffer
}

func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(text)
}

// logged returns its log so far.
func (p *program) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// metadata is the address of a metadata server as it is inside an instance of
// the service (run/docs/container-contract).
func metadata(t *testing.T) string {
	answers := map[string]string{"project/project-id": playground.Project, "project/numeric-project-id": number,
		"instance/region": "projects/" + number + "/regions/" + region}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		answer, known := answers[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")]
		if !known {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, answer) // the client may have gone
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// start runs the binary with an environment, and with the additions of Cloud Run and of
// this test: a port, the service's name, a metadata server, and Pub/Sub's address.
func start(t *testing.T, environment []string, pubsub string) *program {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := listener.Addr().String()
	listener.Close()
	p := &program{}
	command := exec.Command(binary.Deployed(t))
	command.Stdout, command.Stderr = p, p
	command.Env = append(environment, "PORT="+at[strings.LastIndex(at, ":")+1:], "PUBSUB_EMULATOR_HOST="+pubsub,
		"K_SERVICE=iapguard", "GCE_METADATA_HOST="+metadata(t))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		// A program that has ended by itself takes no signal.
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("the binary ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the binary logged:\n%s", p.logged())
		}
	})
	p.URL = countingProxy(t, p, at)
	for deadline := time.Now().Add(cloudtest.Patience); time.Now().Before(deadline); {
		if response, err := http.Get("http://" + at + "/healthz"); err == nil {
			response.Body.Close()
			return p
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the binary ended at once: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("the binary did not start")
	return nil
}

// countingProxy returns the URL of a proxy to a program, which counts requests.
func countingProxy(t *testing.T, p *program, at string) string {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: at})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// environment returns the environment of the service's container. Mounted secrets are
// files in a folder of the test, and the paths begin with that folder.
func environment(t *testing.T, service blueprint.Resource, versions []blueprint.Resource) []string {
	t.Helper()
	root := t.TempDir()
	template := first(service.Values, "template")
	mounted := map[string]string{}
	for _, mount := range blocks(first(template, "containers"), "volume_mounts") {
		mounted[mount["name"].(string)] = mount["mount_path"].(string)
	}
	for _, volume := range blocks(template, "volumes") {
		secret := first(volume, "secret")
		for _, version := range versions {
			if !strings.HasSuffix(version.Text("secret"), "/"+secret["secret"].(string)) {
				continue
			}
			path := filepath.Join(root, mounted[volume["name"].(string)], first(secret, "items")["path"].(string))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(version.Text("secret_data")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var environment []string
	for _, variable := range blocks(first(template, "containers"), "env") {
		value := variable["value"].(string)
		for _, mount := range mounted {
			if strings.HasPrefix(value, mount+"/") {
				value = root + value
			}
		}
		environment = append(environment, variable["name"].(string)+"="+value)
	}
	return environment
}

// blocks returns the nested blocks of a name.
func blocks(of map[string]any, name string) []map[string]any {
	var found []map[string]any
	all, _ := of[name].([]any)
	for _, each := range all {
		block, _ := each.(map[string]any)
		found = append(found, block)
	}
	return found
}

// first returns the first nested block of a name.
func first(of map[string]any, name string) map[string]any {
	if found := blocks(of, name); len(found) > 0 {
		return found[0]
	}
	return nil
}

var (
	snake = regexp.MustCompile(`_[a-z]`)
	// repeated are the fields of a Cloud Run service that are lists; every other
	// block of Terraform's stands for one object.
	repeated = []string{"containers", "env", "volumes", "volume_mounts", "items", "ports"}
)

// rest are a service's arguments as Cloud Run's API has them, but for some.
func rest(arguments map[string]any, without ...string) map[string]any {
	body := map[string]any{}
	for name, value := range arguments {
		all, isList := value.([]any)
		if value == nil || slices.Contains(without, name) {
			continue
		}
		if isList {
			var made []any
			for _, each := range all {
				made = append(made, rest(each.(map[string]any)))
			}
			if value = made; !slices.Contains(repeated, name) {
				value = made[0]
			}
		}
		body[snake.ReplaceAllStringFunc(name, func(s string) string { return strings.ToUpper(s[1:]) })] = value
	}
	return body
}
