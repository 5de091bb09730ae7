package oidc_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

// claimed are the claims of a good token, changed.
func claimed(now time.Time, changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "email": account, "email_verified": true,
		"sub": "1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func TestATokenIsFoundGoodOnlyIfAllThatItSaysHolds(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	issuer, other := oidc.NewWithOwnKey(func() time.Time { return now }), oidc.New(func() time.Time { return now })
	sign := func(by *oidc.Issuer, changes map[string]any) string {
		text, err := by.Sign(claimed(now, changes))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := issue(t, issuer)
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(claimed(now, nil))).SignedString(
		jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claimed(now, nil))).SignedString(
		[]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, token, wrong string // wrong is part of the error; "" = it is good
	}{
		{"as it is issued", good, ""},
		{"with the same claims", sign(issuer, nil), ""},
		{"none at all", "", "malformed"},
		{"garbage", "garbage", "malformed"},
		{"with other claims than were signed", strings.Join([]string{strings.Split(good, ".")[0],
			strings.Split(sign(issuer, map[string]any{"email": "owner@example.com"}), ".")[1], strings.Split(good, ".")[2]},
			"."), "signature is invalid"},
		{"signed by another key", issue(t, other), "not among those published"},
		{"without a signature", unsigned, "signing method none is invalid"},
		{"signed with a shared secret", shared, "signing method HS256 is invalid"},
		{"by another issuer", sign(issuer, map[string]any{"iss": "https://issuer.example.com"}), "invalid issuer"},
		{"expired", sign(issuer, map[string]any{"exp": now.Add(-time.Second).Unix()}), "expired"},
		{"for ever", sign(issuer, map[string]any{"exp": nil}), "exp claim is required"},
		{"issued in the future", sign(issuer, map[string]any{"iat": now.Add(time.Minute).Unix()}), "used before issued"},
		{"to nobody", sign(issuer, map[string]any{"aud": nil}), "0 audiences"},
		{"to two", sign(issuer, map[string]any{"aud": []string{audience, "https://other.example.com"}}), "2 audiences"},
		{"of no address", sign(issuer, map[string]any{"email": nil}), "not verified"},
		{"of an address that is not verified", sign(issuer, map[string]any{"email_verified": false}), "not verified"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := issuer.Verify(tc.token)
			if tc.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wrong) {
					t.Errorf("error %v, want one about %q", err, tc.wrong)
				}
				return
			}
			if diff := cmp.Diff(oidc.Identity{Email: account, Audience: audience}, got); diff != "" || err != nil {
				t.Errorf("error %v, identity (-want +got):\n%s", err, diff)
			}
		})
	}
}
