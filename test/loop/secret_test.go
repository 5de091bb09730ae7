package loop

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
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

// The API repeats the secret when it refuses the write for the first time, as
// compute does with values that it does not like; the second write is taken.
func TestTheSecretOfAnOAuthClientIsSeenNowhere(t *testing.T) {
	t.Parallel()
	const secret = "GOCSPX-nobody-shall-read-this"
	log := &written{}
	r := withfunction.Open(t, withfunction.Options{
		Policy: cloudtest.Policy("oauthClient: {id: 123-shop.apps.googleusercontent.com, secret: " +
			"projects/demo-project/secrets/iap-client/versions/latest}"),
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	r.KeepSecret("iap-client", secret+"\n")
	const refusal = "Invalid value for field 'resource.iap.oauth2ClientSecret': '" + secret + "'."
	r.SetFaults(
		`[{"action": "status", "method": "compute.backendServices.patch", "status": 400, "times": 1, "message": "` +
			refusal + `"}]`)
	if err := r.Attach(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Build(playground.Scenario[0])
	r.Until("the service is protected with the client",
		func() bool { return r.LastOf("hello").Outcome == report.Protected })
	reports, err := json.Marshal(r.Reports())
	if err != nil {
		t.Fatal(err)
	}
	every, err := logging.ParseFilter("")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{
		"our log": log.String(), "the reports": string(reports),
		"the state": r.Shown("state"), "the calls": r.Shown("calls"),
	}
	for _, entry := range r.Cloud.Logs().Entries(every) { // in which the refusal is Google's
		seen["the audit log"] += strings.ReplaceAll(string(entry), refusal, "")
	}
	for where, text := range seen {
		if strings.Contains(text, secret) || strings.Contains(text, "nobody-shall") {
			t.Errorf("%s holds the secret: %s", where, text)
		}
	}
	for _, want := range []string{"'[secret]'", "123-shop.apps.googleusercontent.com",
		"/secrets/iap-client/versions/latest"} {
		if !strings.Contains(string(reports), want) {
			t.Errorf("the reports do not say %s: %s", want, reports)
		}
	}
	if !strings.Contains(seen["the state"], `"oauth2ClientId": "123-shop.apps.googleusercontent.com"`) {
		t.Error("the client is not set")
	}
}
