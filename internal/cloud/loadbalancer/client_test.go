package loadbalancer

import (
	"testing"

	compute "google.golang.org/api/compute/v1"
)

func TestAnOAuthClientIsOneOnlyWithANameAndASecret(t *testing.T) {
	const secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	for _, tc := range []struct {
		name string
		iap  *compute.BackendServiceIAP
		want string
	}{
		{"never set", nil, ""},
		{"an empty block, as it is read back", &compute.BackendServiceIAP{Oauth2ClientSecretSha256: emptySecret}, ""},
		{"a lone space", &compute.BackendServiceIAP{Oauth2ClientId: " ", Oauth2ClientSecretSha256: secret}, ""},
		{"no secret", &compute.BackendServiceIAP{Oauth2ClientId: "1.apps", Oauth2ClientSecretSha256: emptySecret}, ""},
		{"set", &compute.BackendServiceIAP{Oauth2ClientId: "1.apps", Oauth2ClientSecretSha256: secret}, "1.apps"},
	} {
		if got := oauthClient(tc.iap); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
