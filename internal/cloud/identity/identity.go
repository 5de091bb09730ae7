// Package identity reads the identity tokens of those who call the function.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// issuer is who issues the tokens of Google's accounts. Source: developers.google.com/identity/
// openid-connect/openid-connect, "Validating an ID token".
const issuer = "https://accounts.google.com"

// keysPath is where the issuer publishes its keys, at www.googleapis.com. Source:
// accounts.google.com/.well-known/openid-configuration, jwks_uri.
const keysPath = "/oauth2/v3/certs"

// removed ends a token whose signature Cloud Run has checked and replaced. Source:
// run/docs/authenticating/service-to-service.
const removed = ".SIGNATURE_REMOVED_BY_GOOGLE"

// Token is what a token says of its bearer.
type Token struct {
	Email    string // verified by the issuer
	Audience string // that it is made out to
	IssuedAt time.Time
	Expires  time.Time
	// Sum identifies the token.
	Sum string
}

// Reader reads tokens.
type Reader struct{ signed, stripped *oidc.IDTokenVerifier }

// New returns a reader. It makes no call: keys are fetched when a signature is checked.
// A local cloud publishes keys of its own.
func New(ctx context.Context, config connect.Config, now func() time.Time) *Reader {
	base := "https://www.googleapis.com"
	if config.Local() && config.Endpoint != "" {
		base = strings.TrimSuffix(config.Endpoint, "/")
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: keysPatience})
	keys := oidc.NewRemoteKeySet(ctx, base+keysPath)
	verifier := func(stripped bool) *oidc.IDTokenVerifier {
		return oidc.NewVerifier(issuer, keys, &oidc.Config{
			SkipClientIDCheck: true, Now: now, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
			InsecureSkipSignatureCheck: stripped,
		})
	}
	return &Reader{signed: verifier(false), stripped: verifier(true)}
}

// keysPatience is how long fetching the keys may take.
const keysPatience = 5 * time.Second

// ErrUnsigned means that the signature was removed, and that nobody who can be trusted did so.
var ErrUnsigned = errors.New("its signature was removed, as Cloud Run does, and this does not run behind Cloud Run's own check")

// Read reads a token: its bearer and its audience. It is in force, and its issuer
// signed it. behindCheck says that Cloud Run has checked the signature of every token that
// arrives: then one without a signature is read too.
func (r *Reader) Read(ctx context.Context, text string, behindCheck bool) (Token, error) {
	verifier := r.signed
	if strings.HasSuffix(text, removed) {
		if !behindCheck {
			return Token{}, ErrUnsigned
		}
		verifier = r.stripped
	}
	verified, err := verifier.Verify(ctx, text)
	if err != nil {
		return Token{}, fmt.Errorf("it is not a valid identity token of Google's: %w", err)
	}
	var said struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := verified.Claims(&said); err != nil {
		return Token{}, fmt.Errorf("its claims cannot be read: %w", err)
	}
	switch {
	case said.Email == "":
		return Token{}, errors.New("it names no e-mail address: have it issued with the address (includeEmail)")
	case !said.Verified:
		return Token{}, errors.New("its e-mail address is not verified")
	case len(verified.Audience) != 1:
		return Token{}, fmt.Errorf("it is made out to %d audiences, not one", len(verified.Audience))
	}
	return Token{Email: said.Email, Audience: verified.Audience[0], IssuedAt: verified.IssuedAt, Expires: verified.Expiry,
		Sum: sumOf(text)}, nil
}
