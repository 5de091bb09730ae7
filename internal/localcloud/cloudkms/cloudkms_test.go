package cloudkms_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/cloudkms"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const rings = "/v1/projects/demo-project/locations/europe-west1/keyRings"

// What is not served is refused, and nothing shows a private key. Package kms signs.
func TestKeysThatDoNotSignAreRefused(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	s.Serve(cloudkms.New(s))
	template := `{"purpose":"ASYMMETRIC_SIGN","versionTemplate":{"algorithm":"EC_SIGN_P256_SHA256"}}`
	for _, tc := range []struct {
		verb, path, body string
		want             int
		says             string
	}{
		{"POST", rings + "?keyRingId=guard", `{}`, 200, "keyRings/guard"},
		{"POST", rings + "?keyRingId=guard", `{}`, 409, "already exists"},
		{"POST", rings + "/other/cryptoKeys?cryptoKeyId=a", template, 404, "not found"},
		{"POST", rings + "/guard/cryptoKeys?cryptoKeyId=a", `{"purpose":"ENCRYPT_DECRYPT"}`, 400, "ASYMMETRIC_SIGN"},
		{"POST", rings + "/guard/cryptoKeys?cryptoKeyId=a",
			strings.Replace(template, "EC_SIGN_P256_SHA256", "RSA_SIGN_PSS_2048_SHA256", 1), 400, "RSA_SIGN_PSS_2048_SHA256"},
		{"POST", rings + "/guard/cryptoKeys?cryptoKeyId=a", template, 200, "2592000s"},
		{"POST", rings + "/guard/cryptoKeys?cryptoKeyId=b&skipInitialVersionCreation=true", template, 200, "SOFTWARE"},
		{"GET", rings + "/guard/cryptoKeys/b/cryptoKeyVersions/1/publicKey", "", 404, "not found"},
		{"GET", rings + "/guard/cryptoKeys/a/cryptoKeyVersions", "", 200, "EC_SIGN_P256_SHA256"},
		{"GET", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/1/publicKey", "", 200, "BEGIN PUBLIC KEY"},
		{"POST", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/1:asymmetricSign",
			`{"digest":{"sha256":"YQ=="}}`, 400, "32 bytes"},
		{"POST", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/1:asymmetricSign",
			`{"digest":{"sha256":"` + strings.Repeat("A", 43) + `="},"digestCrc32c":"1"}`, 400, "did not match"},
		{"POST", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/1:destroy", `{}`, 200, "DESTROY_SCHEDULED"},
		{"POST", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/1:destroy", `{}`, 400, "DESTROY_SCHEDULED"},
		{"GET", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/1/publicKey", "", 400, "not enabled"},
		{"POST", rings + "/guard/cryptoKeys/none/cryptoKeyVersions", `{}`, 404, "not found"},
		{"POST", rings + "/guard/cryptoKeys/a/cryptoKeyVersions", `{}`, 200, "cryptoKeyVersions/2"},
		{"GET", rings + "/guard/cryptoKeys/a/cryptoKeyVersions/2/publicKey", "", 200, "BEGIN PUBLIC KEY"},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(tc.verb, tc.path, strings.NewReader(tc.body)))
		if w.Code != tc.want || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s %s: %d, want %d with %q: %s", tc.verb, tc.path, w.Code, tc.want, tc.says, w.Body)
		}
	}
	state, err := json.Marshal(s.State())
	if err != nil || strings.Contains(string(state), "Curve") || strings.Contains(string(state), `"D":`) {
		t.Errorf("the state: %v %s", err, state)
	}
	s.Reset()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", rings+"/guard", nil))
	if w.Code != 404 {
		t.Errorf("after a reset the ring is %s", w.Body)
	}
}
