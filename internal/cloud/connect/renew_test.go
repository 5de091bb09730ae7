package connect

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	resourcemanager "google.golang.org/api/cloudresourcemanager/v1"

	"github.com/iapguard/iapguard/internal/fault"
)

// projectAnswers is Resource Manager as it answers one token with 401 and every
// other with a project, and keeps the tokens and bodies that it was sent.
type projectAnswers struct {
	refused string
	sent    []string
}

func (p *projectAnswers) RoundTrip(request *http.Request) (*http.Response, error) {
	token := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
	var body []byte
	if request.Body != nil {
		body, _ = io.ReadAll(request.Body)
	}
	p.sent = append(p.sent, strings.TrimSpace(token+" "+string(body)))
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "application/json")
	if token == p.refused || p.refused == "every" {
		answer.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(answer, `{"error":{"code":401,"message":"Request had invalid authentication credentials."}}`)
	} else {
		fmt.Fprint(answer, `{}`)
	}
	return answer.Result(), nil
}

// issuing serves numbered tokens, and sets them up as the application default
// credentials.
func issuing(t *testing.T) {
	t.Helper()
	var tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, tokens.Add(1))
	}))
	t.Cleanup(server.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": own, "private_key_id": "1", "project_id": "demo-project",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": server.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

func TestAnExpiredTokenIsRenewedOnce(t *testing.T) {
	const body = `{"options":{"requestedPolicyVersion":3}}`
	for _, tc := range []struct {
		name, refused string
		want          []string
		kind          fault.Kind
	}{
		{"it is accepted", "", []string{"token-1 " + body}, fault.Unknown},
		{
			"it is refused, and the next one accepted", "token-1", []string{"token-1 " + body, "token-2 " + body},
			fault.Unknown,
		},
		{"every one is refused", "every", []string{"token-1 " + body, "token-2 " + body}, fault.Unauthenticated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			issuing(t)
			google := &projectAnswers{refused: tc.refused}
			config := Config{Wrap: func(http.RoundTripper) http.RoundTripper { return google }}
			options, err := config.Options(t.Context(), ResourceManager)
			if err != nil {
				t.Fatal(err)
			}
			api, err := resourcemanager.NewService(t.Context(), options...)
			if err != nil {
				t.Fatal(err)
			}
			request := &resourcemanager.GetIamPolicyRequest{
				Options: &resourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3},
			}
			_, err = api.Projects.GetIamPolicy("demo-project", request).Context(t.Context()).Do()
			if got := fault.Of(Classify(err)).Kind; got != tc.kind {
				t.Errorf("error %v of kind %q, want %q", err, got, tc.kind)
			}
			if diff := cmp.Diff(tc.want, google.sent); diff != "" {
				t.Errorf("what was sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnImpersonatedTokenIsRenewedOnce(t *testing.T) {
	google := &credentials{lifetime: time.Hour, unauthenticated: 1}
	server := httptest.NewServer(google)
	defer server.Close()
	if got := reads(t, impersonating(server.URL), writer); got.Kind != fault.Denied {
		t.Errorf("kind %q, want the answer to the repeated call", got.Kind)
	}
	if diff := cmp.Diff([]string{issues, asksAsWriter, issues, asksAsWriter}, google.asked); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
