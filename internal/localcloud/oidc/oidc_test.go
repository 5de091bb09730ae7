package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

const (
	account  = "pusher@demo-project.iam.gserviceaccount.com"
	audience = "https://iapguard.example.com/work"
)

// redirected sends every request to one server, so that Google's own client
// finds our keys where it looks for Google's.
type redirected struct{ to *url.URL }

func (r redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme, request.URL.Host = r.to.Scheme, r.to.Host
	return http.DefaultTransport.RoundTrip(request)
}

// checker is Google's own validator with the keys of an issuer.
func checker(t *testing.T, of *oidc.Issuer) *idtoken.Validator {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(of.Certs))
	t.Cleanup(server.Close)
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(&http.Client{Transport: redirected{to}}))
	if err != nil {
		t.Fatal(err)
	}
	return validator
}

func issue(t *testing.T, by *oidc.Issuer) string {
	t.Helper()
	token, err := by.Token(account, audience)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestGooglesValidatorAcceptsTheToken(t *testing.T) {
	now := time.Now()
	issuer := oidc.NewWithOwnKey(func() time.Time { return now })
	payload, err := checker(t, issuer).Validate(t.Context(), issue(t, issuer), audience)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{"iss": payload.Issuer, "aud": payload.Audience, "exp": payload.Expires, "iat": payload.IssuedAt,
		"email": payload.Claims["email"], "email_verified": payload.Claims["email_verified"], "azp": payload.Claims["azp"]}
	want := map[string]any{"iss": "https://accounts.google.com", "aud": audience, "exp": now.Unix() + 3600,
		"iat":   now.Unix(),
		"email": account, "email_verified": true, "azp": payload.Subject}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if len(payload.Subject) != 21 || strings.Trim(payload.Subject, "0123456789") != "" {
		t.Errorf("sub %q, want 21 digits", payload.Subject)
	}
}

func TestWhatTheKeyDidNotSignIsRefused(t *testing.T) {
	issuer, other := oidc.NewWithOwnKey(time.Now), oidc.New(time.Now)
	long := oidc.NewWithOwnKey(func() time.Time { return time.Now().Add(-61 * time.Minute) })
	token := issue(t, issuer)
	parts := strings.Split(token, ".")
	foreign := strings.Split(issue(t, other), ".")
	admin, err := issuer.Token("admin@demo-project.iam.gserviceaccount.com", audience)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		by       *oidc.Issuer
		token    string
		audience string
	}{
		{"for somebody else", issuer, token, "https://somebody-else.example.com"},
		{"signed by another cloud", issuer, strings.Join(foreign, "."), audience},
		{"with another's signature", issuer, parts[0] + "." + parts[1] + "." + foreign[2], audience},
		{"with other claims", issuer, parts[0] + "." + strings.Split(admin, ".")[1] + "." + parts[2], audience},
		{"expired", long, issue(t, long), audience},
	} {
		if _, err := checker(t, tc.by).Validate(t.Context(), tc.token, tc.audience); err == nil {
			t.Errorf("a token %s was accepted", tc.name)
		}
	}
}

func TestATokenIsMadeAnewBeforeItExpires(t *testing.T) {
	now := time.Now()
	issuer := oidc.NewWithOwnKey(func() time.Time { return now })
	first := issue(t, issuer)
	now = now.Add(29 * time.Minute)
	if issue(t, issuer) != first {
		t.Error("a token that is good for another half hour was made anew")
	}
	now = now.Add(2 * time.Minute)
	if issue(t, issuer) == first {
		t.Error("an old token was handed out")
	}
	if other, err := issuer.Token(account, "https://other.example.com"); err != nil || other == issue(t, issuer) {
		t.Errorf("two audiences got one token (error %v)", err)
	}
}

func TestTheKeySetHoldsNothingPrivate(t *testing.T) {
	answer := httptest.NewRecorder()
	oidc.NewWithOwnKey(time.Now).Certs(answer, nil)
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if len(key) != 6 || key["kty"] != "RSA" || key["use"] != "sig" || key["alg"] != "RS256" || key["e"] != "AQAB" {
			t.Errorf("key %v, want a public RSA key for RS256 and nothing else", key)
		}
	}
	if len(set.Keys) != 1 {
		t.Errorf("%d keys, want one", len(set.Keys))
	}
}
