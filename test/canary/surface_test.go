package canary_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/canary"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/collector"
)

func TestMain(m *testing.M) { binary.Main(m) }

// surface is everything around the program that has secrets, and everything that it writes.
type surface struct {
	*cloudtest.Env
	t      *testing.T
	apis   *httptest.Server // Google's APIs, over TLS
	tokens atomic.Int64     // calls that brought the metadata server's token
	env    []string         // of the program, at a desk as on Cloud Run
	folder string

	mu     sync.Mutex
	places int // texts that were searched
}

func open(t *testing.T) *surface {
	t.Helper()
	s := &surface{Env: cloudtest.Start(t, playground.Options{WithoutOrganization: true}), t: t, folder: t.TempDir()}
	if err := s.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.KeepSecret("iap-client", canary.OAuthClient)
	s.Build(playground.Scenario[:1]...)
	s.apis = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.apis.Close)
	metadata := httptest.NewServer(http.HandlerFunc(serveMetadata))
	t.Cleanup(metadata.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.apis.Certificate().Raw})
	policy := cloudtest.Policy("oauthClient: {id: 123-shop.apps.googleusercontent.com, " +
		"secret: projects/demo-project/secrets/iap-client/versions/latest}")
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder,
		"GCE_METADATA_HOST=" + strings.TrimPrefix(metadata.URL, "http://"),
		"SSL_CERT_FILE=" + s.file("ca.pem", string(certificate)), "IAPGUARD_ENDPOINT=" + s.apis.URL,
		"IAPGUARD_POLICY=" + s.file("policy.yaml", policy), "LOG_LEVEL=DEBUG"}
	if err := s.OnReport(t.Context(), func(one playground.Report) { s.search("a report", one.Data) }); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *surface) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// search looks for canaries in a text.
func (s *surface) search(where string, text []byte) {
	s.mu.Lock()
	s.places++
	s.mu.Unlock()
	canary.Check(s.t, where, text)
}

func serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	path := strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")
	switch {
	case strings.HasSuffix(path, "/token"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":3600,"token_type":"Bearer"}`, canary.Token)
	case strings.HasSuffix(path, "/email"):
		fmt.Fprint(w, playground.FunctionAccount)
	case path == "project/project-id":
		fmt.Fprint(w, playground.Project)
	case path == "project/numeric-project-id":
		fmt.Fprint(w, "123456789012")
	case path == "instance/region":
		fmt.Fprint(w, "projects/123456789012/regions/us-central1")
	default:
		http.NotFound(w, r)
	}
}

// serve answers a call with canaries in it. The local cloud knows callers by name, where
// Google knows their tokens.
func (s *surface) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	body = canary.Reap(body)
	sent := r.Clone(r.Context())
	sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	sent.Host = strings.TrimPrefix(s.URL(), "http://")
	sent.Header.Del("Accept-Encoding")
	if strings.Contains(r.Header.Get("Authorization"), canary.Token) {
		s.tokens.Add(1)
		sent.Header.Set("Authorization", "Bearer serviceAccount:"+playground.FunctionAccount)
	}
	answer := httptest.NewRecorder()
	s.Cloud.ServeHTTP(answer, sent)
	text := answer.Body.Bytes()
	if !strings.Contains(r.URL.Path, "/storage/") && !strings.Contains(r.URL.Path, "/secrets/") {
		text = canary.Sow(text)
	}
	for name, values := range answer.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	canary.Headers(w.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(text) // the program may have gone
}

// serves starts the deployed program, and pushes events to it with canaries in them. The
// function that is returned ends it, and searches its log.
func (s *surface) serves(more ...string) (end func()) {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := strings.Cut(address, ":")
	var log locked
	command := exec.Command(binary.Deployed(s.t), "serve")
	command.Stdout, command.Stderr = &log, &log
	command.Env = append(append(s.env, "PORT="+port, "IAPGUARD_REPORTS_TOPIC="+playground.ReportsTopic,
		"PUBSUB_EMULATOR_HOST="+s.Broker.Address(), "IAPGUARD_MEMORY="+playground.MemoryBucket,
		"IAPGUARD_MEMORY_KEY="+s.file("key", canary.Key)), more...)
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	target := &url.URL{Scheme: "http", Host: address}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		body, _ := io.ReadAll(r.In.Body) // what is cut short is refused
		body = canary.Message(body)
		r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		canary.Headers(r.Out.Header)
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}}
	front := httptest.NewServer(proxy)
	s.t.Cleanup(front.Close)
	for topic, path := range map[string]string{playground.EventsTopic: "/", playground.CommandsTopic: "/commands"} {
		if err := s.Broker.Push(s.t.Context(), delivery.Subscription{
			Name:  "projects/" + playground.Project + "/subscriptions/canary-" + path[1:],
			Topic: topic, Endpoint: front.URL + path,
			AckDeadline: 600 * time.Second, MinBackoff: 100 * time.Millisecond, MaxBackoff: time.Second,
			DeadLetterTopic: playground.DeadLettersTopic, MaxDeliveryAttempts: 5,
			Account: playground.PushAccount, Audience: playground.FunctionAudience,
		}); err != nil {
			s.t.Fatal(err)
		}
	}
	return func() {
		_ = command.Process.Signal(syscall.SIGTERM) // Wait says whether it has ended
		_ = command.Wait()                          // its log says why
		s.search("the log of serve", []byte(log.String()))
		if !strings.Contains(log.String(), `"outcome":"protected"`) {
			s.t.Errorf("nothing was protected, so nothing is shown:\n%s", log.String())
		}
	}
}

// types runs a command at a desk, and searches what it prints.
func (s *surface) types(arguments ...string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), binary.Command(s.t), arguments...)
	command.Dir, command.Env = s.folder, append(s.env, "IAPGUARD_MEMORY="+playground.MemoryBucket)
	text, err := command.CombinedOutput()
	var status *exec.ExitError
	if err != nil && !asExit(err, &status) || status != nil && status.ExitCode() == 2 {
		s.t.Errorf("%v: %v\n%s", arguments, err, text)
	}
	s.search(strings.Join(arguments, " "), text)
}

func asExit(err error, status **exec.ExitError) bool {
	exit, ok := err.(*exec.ExitError)
	*status = exit
	return ok
}

// locked is what a process prints.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestNoSecretLeavesTheProgram(t *testing.T) {
	s := open(t)
	collected := collector.Start(t)
	end := s.serves("OTEL_EXPORTER_OTLP_ENDPOINT="+collected.URL, "OTEL_EXPORTER_OTLP_HEADERS=api-key="+canary.Header)
	hello := playground.Scenario[0]
	project, service := "projects/"+playground.Project, hello.Name()
	entry := fmt.Sprintf(`{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity",`+
		`"timestamp":%q,"resource":{"type":"cloud_run_revision",`+
		`"labels":{"project_id":"demo-project","location":%q,"service_name":%q}},`+
		`"protoPayload":{"serviceName":"run.googleapis.com","resourceName":%q,`+
		`"methodName":"google.cloud.run.v2.Services.UpdateService"}}`,
		s.Now().UTC().Format(time.RFC3339Nano), hello.Region, hello.Service, service)

	// At a desk, while everything is open.
	s.types("explain", s.file("events.json", string(canary.Sow([]byte(entry)))))
	s.types("explain", "--format=json", s.file("rubbish.json", "{"+canary.Header))
	for _, format := range []string{"text", "json", "md"} {
		s.types("plan", service, "--format="+format)
	}
	s.types("plan", project, "-o", "plan.json")
	for _, format := range []string{"text", "json", "md", "csv", "html"} {
		s.types("audit", project, "--format="+format)
	}
	s.types("audit", project, "--format=html", "-o", "audit.html")
	s.types("doctor", service)
	s.types("policy", "init", project)

	// In service: events, rubbish, a sweep; then each kind of error that Google answers.
	s.Publish(playground.EventsTopic, entry)
	s.Publish(playground.EventsTopic, "rubbish "+canary.Token)
	s.Publish(playground.EventsTopic, `{"protoPayload": "`+canary.Token+`"`)
	s.Publish(playground.CommandsTopic, `{"command":"sweep","target":"`+project+`"}`)
	s.Publish(playground.CommandsTopic,
		`{"command":"`+canary.Token+`","target":"`+project+`","password":"`+canary.Header+`"}`)
	s.Idle()
	for _, fault := range []string{`"status":403`, `"status":500,"times":30`, `"status":401,"times":2`} {
		s.SetFaults(`[{"action":"status","method":"*","principal":"serviceAccount:` + playground.FunctionAccount + `",` +
			fault + `}]`)
		s.types("plan", service)
		s.types("audit", project)
	}
	s.SetFaults(`[]`)
	s.types("apply", service, "--yes")
	s.types("doctor", service)
	end()

	for _, name := range []string{"plan.json", "audit.html"} {
		text, err := os.ReadFile(filepath.Join(s.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		s.search(name, text)
	}
	exports := collected.Bodies()
	for _, body := range exports {
		s.search("an export of traces or metrics", []byte(body))
	}
	objects := s.remembered()
	if len(exports) == 0 || objects == 0 || s.tokens.Load() == 0 {
		t.Errorf("%d exports, %d objects of the memory, %d calls with the token: this test shows nothing", len(exports),
			objects, s.tokens.Load())
	}
	fmt.Printf("canary: %d texts searched, %d calls with a secret token, %d exports, %d objects of the memory\n", s.places,
		s.tokens.Load(), len(exports), objects)
}

// remembered searches the objects of the memory, and returns how many there are.
func (s *surface) remembered() int {
	s.t.Helper()
	bucket := strings.TrimPrefix(playground.MemoryBucket, "gs://")
	listed := s.CallAs(s.Owner(), http.MethodGet, "/storage/v1/b/"+bucket+"/o", nil)
	items, _ := listed["items"].([]any)
	for _, item := range items {
		name := item.(map[string]any)["name"].(string)
		response, err := http.Get(s.URL() + "/storage/v1/b/" + bucket + "/o/" + url.PathEscape(name) + "?alt=media")
		if err != nil {
			s.t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			s.t.Fatalf("reading %s: %s %v", name, response.Status, err)
		}
		s.search("the memory's "+name, text)
	}
	return len(items)
}

func TestSecretsAreSownAndFound(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a service", `{"template":{"containers":[{"image":"i"}]}}`, canary.Environment},
		{"a service, its annotations", `{"template":{}}`, canary.Annotation},
		{"a backend service", `{"iap":{"enabled":true,"oauth2ClientId":"1"}}`, canary.OAuthClient},
		{"an audit log entry", `{"protoPayload":{"methodName":"x"}}`, canary.Token},
		{"a request log entry", `{"httpRequest":{"requestUrl":"https://h/p?a=b"}}`, "&access_token=" + canary.Query},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sown := canary.Sow([]byte(tc.text))
			if !bytes.Contains(sown, []byte(tc.want)) || !json.Valid(sown) {
				t.Errorf("%s has no %s", sown, tc.want)
			}
			if canary.Find(sown) == "" || canary.Find([]byte(tc.text)) != "" {
				t.Error("the canary is not found, or found where none is")
			}
		})
	}
	for name, hidden := range map[string]string{"hex": fmt.Sprintf("%x", canary.Token)} {
		if canary.Find([]byte(hidden)) == "" {
			t.Errorf("a canary in %s is not found", name)
		}
	}
}

// A canary in a golden file, a page or a recorded answer was written there by a test.
func TestNoFileHoldsACanary(t *testing.T) {
	root, files := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && (entry.Name() == ".git" || path == filepath.Join(root, "test", "canary")) {
				return filepath.SkipDir
			}
			return err
		}
		if path == filepath.Join(root, ".ci", "run") {
			return nil // which searches for them too
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		canary.Check(t, path, text)
		return nil
	})
	if err != nil || files < 1000 {
		t.Errorf("%d files were searched: %v", files, err)
	}
}
