package deploy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// A person does what retires a key, and the alert's own filter is asked about the audit log.
func TestChangesOfTheSigningKeyRaiseAnAlert(t *testing.T) {
	filter := filterOf(t, "signing.filter")
	e := cloudtest.Start(t, playground.Options{})
	owner := func(method, path string, body map[string]any) { e.CallAs(e.Owner(), method, path, body) }
	const rings = "/v1/projects/demo-project/locations/us-central1/keyRings"
	for _, ring := range []string{"iapguard", "shop"} {
		owner(http.MethodPost, rings+"?keyRingId="+ring, map[string]any{})
		owner(http.MethodPost, rings+"/"+ring+"/cryptoKeys?cryptoKeyId=reports", map[string]any{"purpose": "ASYMMETRIC_SIGN",
			"versionTemplate": map[string]any{"algorithm": "EC_SIGN_P256_SHA256"}})
	}
	raised := func() (methods []string) {
		e.Cloud.Settle()
		for _, entry := range e.Cloud.Logs().Entries(filter) {
			var read struct {
				ProtoPayload struct{ MethodName, ResourceName string }
			}
			if err := json.Unmarshal(entry, &read); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(read.ProtoPayload.ResourceName, "/keyRings/iapguard/") {
				t.Errorf("another key raises it: %s", entry)
			}
			methods = append(methods, read.ProtoPayload.MethodName)
		}
		return methods
	}
	if made := raised(); len(made) > 0 {
		t.Errorf("making the key raises %v", made)
	}
	for i, change := range []func(key string){
		func(key string) {
			owner(http.MethodPatch, key+"/cryptoKeyVersions/1?updateMask=state", map[string]any{"state": "DISABLED"})
		},
		func(key string) {
			owner(http.MethodPatch, key+"/cryptoKeyVersions/1?updateMask=state", map[string]any{"state": "ENABLED"})
		},
		func(key string) { owner(http.MethodPost, key+"/cryptoKeyVersions/1:destroy", map[string]any{}) },
		func(key string) {
			owner(http.MethodPost, key+":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": []any{map[string]any{
				"role": "roles/cloudkms.signer", "members": []any{"user:eve@example.com"}}}}})
		},
	} {
		for _, ring := range []string{"shop", "iapguard"} {
			change(rings + "/" + ring + "/cryptoKeys/reports")
		}
		if got := raised(); len(got) != i+1 {
			t.Errorf("change %d: the entries %v raise it", i+1, got)
		}
	}
	key := "projects/my-project/locations/europe-west1/keyRings/iapguard/cryptoKeys/reports"
	for _, tc := range []struct {
		name  string
		entry map[string]any
		wants bool
	}{
		{"by the last word", change("cloudkms.googleapis.com", "DestroyCryptoKeyVersion", key+"/cryptoKeyVersions/1", nil), true},
		{"who may sign", change("cloudkms.googleapis.com", "SetIamPolicy", key, nil), true},
		{"who may sign with every key", change("cloudkms.googleapis.com", "google.iam.v1.IAMPolicy.SetIamPolicy",
			"projects/my-project/locations/europe-west1/keyRings/iapguard", nil), true},
		{"a new version", change("cloudkms.googleapis.com", "CreateCryptoKeyVersion", key, nil), false},
		{"a key of the same ring", change("cloudkms.googleapis.com", "DestroyCryptoKeyVersion",
			"projects/my-project/locations/europe-west1/keyRings/iapguard/cryptoKeys/other/cryptoKeyVersions/1", nil), false},
		{"a call that failed", change("cloudkms.googleapis.com", "DestroyCryptoKeyVersion", key+"/cryptoKeyVersions/1",
			map[string]any{"status": map[string]any{"code": 7.0}}), false},
	} {
		if got := filter.Match(tc.entry); got != tc.wants {
			t.Errorf("%s: matches: %t, want %t", tc.name, got, tc.wants)
		}
	}
}
