package loop

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// written is a buffer that several may write to.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

const client = `    oauthClient:
      id: 123-shop.apps.googleusercontent.com
      secret: projects/demo-project/secrets/iap-client/versions/latest
`

// The API repeats the secret when it refuses the write for the first time, as
// compute does with values that it does not like; the second write is taken.
func TestTheSecretOfAnOAuthClientIsSeenNowhere(t *testing.T) {
	const secret = "GOCSPX-nobody-shall-read-this"
	r, _ := open(t, "", enforcing)
	owner := stage.Client{URL: r.URL()}
	for _, made := range []struct {
		path string
		body map[string]any
	}{
		{"?secretId=iap-client", map[string]any{"replication": map[string]any{"automatic": map[string]any{}}}},
		{"/iap-client:addVersion", map[string]any{"payload": map[string]any{"data": base64.StdEncoding.EncodeToString([]byte(secret + "\n"))}}},
	} {
		if _, err := owner.Call(t.Context(), http.MethodPost, "/v1/projects/demo-project/secrets"+made.path, made.body); err != nil {
			t.Fatal(err)
		}
	}
	const refusal = "Invalid value for field 'resource.iap.oauth2ClientSecret': '" + secret + "'."
	faults := `[{"action": "status", "method": "compute.backendServices.patch", "status": 400, "times": 1, "message": "` + refusal + `"}]`
	answer, err := http.Post(r.URL()+"/_local/faults", "application/json", strings.NewReader(faults))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	log := &written{}
	config, err := function.ReadConfig([]string{"LOG_LEVEL=DEBUG"})
	if err != nil {
		t.Fatal(err)
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText = r.URL(), []byte(enforcing+client)
	config.ReportsTopic, config.PubSubHost = stage.ReportsTopic, r.Broker.Address()
	protect, err := function.New(t.Context(), config, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	defer protect.Close()
	if err := r.Attach(t.Context(), protect); err != nil {
		t.Fatal(err)
	}
	r.deploy(stage.Scenario[0])
	r.until("the service is protected with the client", func() bool { return r.last("hello").Outcome == report.Compliant })
	r.mu.Lock()
	reports, err := json.Marshal(r.reports)
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	every, err := logging.ParseFilter("")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{
		"our log": log.String(), "the reports": string(reports),
		"the state": get(t, r.URL()+"/_local/state"), "the calls": get(t, r.URL()+"/_local/calls"),
	}
	for _, entry := range r.Cloud.Logs().Entries(every) { // in which the refusal is Google's
		seen["the audit log"] += strings.ReplaceAll(string(entry), refusal, "")
	}
	for where, text := range seen {
		if strings.Contains(text, secret) || strings.Contains(text, "nobody-shall") {
			t.Errorf("%s holds the secret: %s", where, text)
		}
	}
	for _, want := range []string{"'[secret]'", "123-shop.apps.googleusercontent.com", "/secrets/iap-client/versions/latest"} {
		if !strings.Contains(string(reports), want) {
			t.Errorf("the reports do not say %s: %s", want, reports)
		}
	}
	if !strings.Contains(seen["the state"], `"oauth2ClientId": "123-shop.apps.googleusercontent.com"`) {
		t.Error("the client is not set")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
