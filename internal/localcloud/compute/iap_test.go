package compute_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ofNothing is the recorded digest of an empty client secret.
const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestTheIAPBlockIsKeptAsGoogleKeepsIt(t *testing.T) {
	sum := sha256.Sum256([]byte("s3cret"))
	secret := hex.EncodeToString(sum[:])
	type step struct{ verb, body string }
	block := func(enabled bool, client, digest string) map[string]any {
		return map[string]any{"enabled": enabled, "oauth2ClientId": client, "oauth2ClientSecretSha256": digest}
	}
	for _, tc := range []struct {
		name  string
		steps []step
		want  any
	}{
		{"never sent, never shown", []step{{"PATCH", `{"description":"x"}`}}, nil},
		{"sent empty", []step{{"PATCH", `{"iap":{"enabled":false,"oauth2ClientId":"","oauth2ClientSecret":""}}`}},
			block(false, "", ofNothing)},
		{"on without a client", []step{{"PATCH", `{"iap":{"enabled":true}}`}}, block(true, " ", ofNothing)},
		{"on with a client", []step{{"PATCH", `{"iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecret":"s3cret"}}`}}, block(true, "c", secret)},
		{"a toggle keeps the client", []step{
			{"PATCH", `{"iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecret":"s3cret"}}`},
			{"PATCH", `{"iap":{"enabled":false}}`},
			{"PATCH", `{"iap":{"enabled":true}}`},
		}, block(true, "c", secret)},
		{"an empty block changes nothing", []step{
			{"PATCH", `{"iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecret":"s3cret"}}`},
			{"PATCH", `{"iap":{}}`},
		}, block(true, "c", secret)},
		{"a client cannot write the digest", []step{
			{"PATCH", `{"iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecret":"s3cret"}}`},
			{"PATCH", `{"iap":{"enabled":true,"oauth2ClientSecretSha256":"00"}}`},
		}, block(true, "c", secret)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			c.must("POST", "global/backendServices", `{"name":"be","loadBalancingScheme":"EXTERNAL_MANAGED"}`)
			for _, s := range tc.steps {
				c.must(s.verb, "global/backendServices/be", s.body)
			}
			if diff := cmp.Diff(tc.want, c.must("GET", "global/backendServices/be", "")["iap"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAWholeUpdateKeepsTheSecretItCannotKnow(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be","iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecret":"s3cret"}}`)
	before := c.must("GET", "global/backendServices/be", "")
	c.must("PUT", "global/backendServices/be", `{"fingerprint":"`+before["fingerprint"].(string)+
		`","iap":{"enabled":true,"oauth2ClientId":"c","oauth2ClientSecretSha256":"whatever"}}`)
	if diff := cmp.Diff(before, c.must("GET", "global/backendServices/be", "")); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	c.must("PUT", "global/backendServices/be", `{"fingerprint":"`+before["fingerprint"].(string)+
		`","iap":{"enabled":true}}`)
	if diff := cmp.Diff(before["iap"], c.must("GET", "global/backendServices/be", "")["iap"]); diff != "" {
		t.Errorf("without naming the client (-before +after):\n%s", diff)
	}
}
