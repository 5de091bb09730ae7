package identity_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/identity"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

const (
	account  = "operator@guard-prod.iam.gserviceaccount.com"
	audience = "https://iapguard.example.com"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// reader is one that takes its keys from an issuer.
func reader(t *testing.T, of *oidc.Issuer, at time.Time) *identity.Reader {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth2/v3/certs", of.Certs)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return identity.New(t.Context(), connect.Config{Endpoint: server.URL}, func() time.Time { return at })
}

// signed is a token that says this, beside what every token says.
func signed(t *testing.T, by *oidc.Issuer, said map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "sub": "123", "email": account, "email_verified": true,
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for key, value := range said {
		claims[key] = value
	}
	text, err := by.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// stripped is a token as Cloud Run hands it to a container.
func stripped(text string) string {
	return text[:strings.LastIndexByte(text, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
}

func TestTokensSayWhoBearsThem(t *testing.T) {
	issuer := oidc.New(func() time.Time { return now })
	text := signed(t, issuer, nil)
	for _, tc := range []struct {
		name, text string
		behind     bool
	}{
		{"with its signature", text, false},
		{"with its signature, behind Cloud Run", text, true},
		{"without its signature, behind Cloud Run", stripped(text), true},
	} {
		got, err := reader(t, issuer, now).Read(t.Context(), tc.text, tc.behind)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		want := identity.Token{Email: account, Audience: audience, Sum: got.Sum, IssuedAt: now.Add(-time.Minute),
			Expires: now.Add(time.Hour)}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	r := reader(t, issuer, now)
	one, _ := r.Read(t.Context(), text, true)
	same, _ := r.Read(t.Context(), stripped(text), true)
	other, _ := r.Read(t.Context(), signed(t, issuer, map[string]any{"iat": now.Unix()}), true)
	if one.Sum == "" || one.Sum != same.Sum || one.Sum == other.Sum {
		t.Errorf("sums %q, %q without the signature, %q of another token", one.Sum, same.Sum, other.Sum)
	}
}

func TestTokensThatProveNothingAreRefused(t *testing.T) {
	issuer, another := oidc.New(time.Now), oidc.NewWithOwnKey(time.Now)
	for _, tc := range []struct {
		name, text string
		behind     bool
		want       string
	}{
		{"no token", "not-a-token", true, "not a valid identity token"},
		{"a signature that was removed elsewhere", stripped(signed(t, issuer, nil)), false, "signature was removed"},
		{"another's signature", signed(t, another, nil), false, "not a valid identity token"},
		{"another's signature, behind Cloud Run", signed(t, another, nil), true, "not a valid identity token"},
		{"expired", signed(t, issuer, map[string]any{"exp": now.Add(-time.Second).Unix()}), false, "expired"},
		{"expired, behind Cloud Run", stripped(signed(t, issuer, map[string]any{"exp": now.Add(-time.Hour).Unix()})),
			true, "expired"},
		{"another issuer", stripped(signed(t, issuer, map[string]any{"iss": "https://evil.example.com"})), true, "issue"},
		{"no address", signed(t, issuer, map[string]any{"email": ""}), false, "names no e-mail address"},
		{"an address that is not verified", signed(t, issuer, map[string]any{"email_verified": false}), false,
			"not verified"},
		{"two audiences", signed(t, issuer, map[string]any{"aud": []string{audience, "x"}}), false, "2 audiences"},
	} {
		_, err := reader(t, issuer, now).Read(t.Context(), tc.text, tc.behind)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
}
