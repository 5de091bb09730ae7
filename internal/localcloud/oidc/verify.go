package oidc

import (
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Identity is what a token says that was found to be good.
type Identity struct {
	Email    string
	Audience string
}

// claims are those of Google's tokens that are looked at.
type claims struct {
	jwt.RegisteredClaims
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
}

// Verify reads a token and checks all but whether the audience is the right
// one, which the receiver knows: that this issuer signed it as Google signs,
// says so, and that it is in force and names a verified e-mail address.
// Source: docs.cloud.google.com/run/docs/authenticating/overview, "Google-signed
// ID tokens"; developers.google.com/identity/openid-connect, validating an ID token.
func (i *Issuer) Verify(text string) (Identity, error) {
	var said claims
	_, err := jwt.ParseWithClaims(text, &said, i.keyOf, jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(i.clock))
	switch {
	case err != nil:
		return Identity{}, fmt.Errorf("checking an identity token: %w", err)
	case len(said.Audience) != 1 || said.Audience[0] == "":
		return Identity{}, fmt.Errorf("checking an identity token: it is made out to %d audiences, not one",
			len(said.Audience))
	case said.Email == "" || !said.Verified:
		return Identity{}, fmt.Errorf("checking an identity token: its e-mail address %q is not verified", said.Email)
	}
	return Identity{Email: said.Email, Audience: said.Audience[0]}, nil
}

// keyOf is the key that a token says it was signed with, if it is ours.
func (i *Issuer) keyOf(token *jwt.Token) (any, error) {
	key, err := i.key()
	if err != nil {
		return nil, err
	}
	if token.Header["kid"] != keyID(&key.PublicKey) {
		return nil, errors.New("it was signed with a key that is not among those published")
	}
	return &key.PublicKey, nil
}
