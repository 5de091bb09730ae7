// Package oidc makes the identity tokens that the local cloud's pushes carry,
// checks those that come back, and publishes the key that they are checked with.
//
// They look as Google's do: RS256, issued by accounts.google.com, good for an
// hour (cloud.google.com/pubsub/docs/authenticate-push-subscriptions). A
// receiver that takes its keys from Certs checks them as it checks Google's.
package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer   = "https://accounts.google.com"
	lifetime = time.Hour
	// reuse is how long a token is handed out again: pushes carry tokens that
	// were made some time ago (documented: up to an hour).
	reuse   = 30 * time.Minute
	keyBits = 2048
)

// Issuer signs tokens. It is safe for concurrent use.
type Issuer struct {
	clock func() time.Time
	// key is made when it is first asked for, because that takes long.
	key func() (*rsa.PrivateKey, error)

	mu    sync.Mutex
	valid map[subject]token
}

// subject is the account that a token names, and its audience.
type subject struct{ account, audience string }

type token struct {
	text   string
	issued time.Time
}

// shared is the key of all local clouds in one process: making a key is the most
// expensive part of a short-lived one, and Google signs for every project with the
// same keys too.
var shared = sync.OnceValues(newKey)

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }

// New returns an issuer with the key that all local clouds of the process share. Its
// tokens are dated by a clock.
func New(clock func() time.Time) *Issuer { return withKey(clock, shared) }

// NewWithOwnKey returns an issuer that nobody else's tokens pass for.
func NewWithOwnKey(clock func() time.Time) *Issuer { return withKey(clock, sync.OnceValues(newKey)) }

func withKey(clock func() time.Time, key func() (*rsa.PrivateKey, error)) *Issuer {
	return &Issuer{clock: clock, valid: map[subject]token{}, key: key}
}

// Token is a signed token that names a service account, by its e-mail address,
// to an audience.
func (i *Issuer) Token(account, audience string) (string, error) {
	now := i.clock()
	i.mu.Lock()
	defer i.mu.Unlock()
	who := subject{account, audience}
	if have := i.valid[who]; have.text != "" && now.Sub(have.issued) < reuse {
		return have.text, nil
	}
	text, err := i.sign(who, now)
	if err != nil {
		return "", fmt.Errorf("signing a token for %s: %w", account, err)
	}
	i.valid[who] = token{text, now}
	return text, nil
}

// Fresh is a signed token as Token's, which was never handed out before this second.
func (i *Issuer) Fresh(account, audience string) (string, error) {
	return i.sign(subject{account, audience}, i.clock())
}

// sign makes a token with the claims that Google's have.
func (i *Issuer) sign(who subject, now time.Time) (string, error) {
	id := uniqueID(who.account)
	return i.Sign(map[string]any{
		"iss": issuer, "aud": who.audience, "sub": id, "azp": id, "email": who.account, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	})
}

// Sign makes a token of any claims, for who tries what a receiver refuses.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	key, err := i.key()
	if err != nil {
		return "", err
	}
	made := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	made.Header["kid"] = keyID(&key.PublicKey)
	return made.SignedString(key)
}

// Certs answers with the public key, as a JWK set (RFC 7517).
func (i *Issuer) Certs(w http.ResponseWriter, _ *http.Request) {
	key, err := i.key()
	if err != nil {
		http.Error(w, "making a key: "+err.Error(), http.StatusInternalServerError)
		return
	}
	set, _ := json.MarshalIndent(map[string]any{"keys": []any{map[string]any{ // text alone
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID(&key.PublicKey),
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}}, "", "  ")
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(set, '\n')) // the client has gone
}

// keyID identifies a key.
func keyID(key *rsa.PublicKey) string {
	sum := sha256.Sum256(key.N.Bytes())
	return hex.EncodeToString(sum[:20])
}

// uniqueID is the number of an account, 21 digits that begin with 1, the same
// every time.
func uniqueID(account string) string {
	sum := sha256.Sum256([]byte(account))
	return fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sum[:])%1e19)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
