package kms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

const (
	account = "iapguard@demo-project.iam.gserviceaccount.com"
	ring    = "projects/demo-project/locations/europe-west1/keyRings/guard"
)

// here is a local cloud with two keys that sign, which our account may use.
type here struct {
	t *testing.T
	*httptest.Server
	broken func(path string, answer map[string]any) // changes answers on their way; nil = nothing does
}

func start(t *testing.T) *here {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t)})
	h := &here{t: t}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered := httptest.NewRecorder()
		cloud.ServeHTTP(answered, r)
		body := answered.Body.Bytes()
		var answer map[string]any
		if h.broken != nil && json.Unmarshal(body, &answer) == nil {
			h.broken(r.URL.Path, answer)
			body, _ = json.Marshal(answer)
		}
		w.WriteHeader(answered.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(func() { h.Close(); cloud.Close() })
	h.post("/v1/projects/demo-project/serviceAccounts", `{"accountId":"iapguard"}`)
	h.post("/v1/"+strings.TrimSuffix(ring, "/guard")+"?keyRingId=guard", `{}`)
	for id, algorithm := range map[string]string{"small": "EC_SIGN_P256_SHA256", "large": "EC_SIGN_P384_SHA384"} {
		h.post("/v1/"+ring+"/cryptoKeys?cryptoKeyId="+id,
			`{"purpose":"ASYMMETRIC_SIGN","versionTemplate":{"algorithm":"`+algorithm+`"}}`)
		h.allow(id)
	}
	return h
}

// allow lets our account sign with a key.
func (h *here) allow(id string) {
	h.post("/v1/"+ring+"/cryptoKeys/"+id+":setIamPolicy",
		`{"policy":{"bindings":[{"role":"roles/cloudkms.signerVerifier","members":["serviceAccount:`+account+`"]}]}}`)
}

func (h *here) post(path, body string) {
	h.t.Helper()
	response, err := http.Post(h.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	if said, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		h.t.Fatalf("POST %s: %d %s", path, response.StatusCode, said)
	}
}

func (h *here) key(id string) *Key {
	h.t.Helper()
	name := ring + "/cryptoKeys/" + id + "/cryptoKeyVersions/1"
	k, err := Open(h.t.Context(), connect.Config{Endpoint: h.URL, Self: account}, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return k
}

func TestAKeySignsWithEitherCurve(t *testing.T) {
	h := start(t)
	for _, id := range []string{"small", "large"} {
		k := h.key(id)
		signature, err := k.Sign(t.Context(), []byte("a report")) // which verifies it
		if err != nil || len(signature) < 64 {
			t.Errorf("%s: a signature of %d bytes, %v", id, len(signature), err)
		}
	}
}

func TestADamagedAnswerIsNoSignature(t *testing.T) {
	for name, tc := range map[string]struct{ path, field, value string }{
		"the public key":             {"/publicKey", "pemCrc32c", "1"},
		"the signature":              {":asymmetricSign", "signatureCrc32c", "1"},
		"the digest on its way":      {":asymmetricSign", "verifiedDigestCrc32c", ""},
		"another version's":          {":asymmetricSign", "name", ring + "/cryptoKeys/large/cryptoKeyVersions/1"},
		"another version's public":   {"/publicKey", "name", ring + "/cryptoKeys/large/cryptoKeyVersions/1"},
		"a signature of other bytes": {":asymmetricSign", "signature", "MEUCIQD="},
	} {
		h := start(t)
		h.broken = func(path string, answer map[string]any) {
			if !strings.HasSuffix(path, tc.path) {
				return
			}
			answer[tc.field] = tc.value
			if tc.value == "" {
				delete(answer, tc.field)
			}
		}
		if signature, err := h.key("small").Sign(t.Context(), []byte("a report")); err == nil {
			t.Errorf("%s is damaged, and the signature is %x", name, signature)
		}
	}
}

func TestARefusedSignatureNamesThePermission(t *testing.T) {
	h := start(t)
	k := h.key("small")
	if _, err := k.Public(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.post("/v1/"+ring+"/cryptoKeys/small:setIamPolicy", `{"policy":{}}`)
	_, err := k.Sign(t.Context(), []byte("a report")) // the public key is known
	if fault.Of(err).Kind != fault.Denied || !strings.Contains(fault.Of(err).Permission, "useToSign") {
		t.Errorf("%v, want that useToSign is missing", err)
	}
	h.allow("small")
	h.post("/v1/"+k.Name()+":destroy", `{}`)
	if _, err := k.Sign(t.Context(), []byte("a report")); err == nil || !strings.Contains(err.Error(), "not enabled") {
		t.Errorf("a version that is going to be destroyed signs: %v", err)
	}
}

// A reader that waits for another one's answer waits no longer than it may.
func TestASlowAnswerBlocksNobodyForLonger(t *testing.T) {
	released, asked := make(chan struct{}), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-released
	}))
	defer silent.Close()
	defer close(released)
	h := &here{t: t, Server: silent}
	k := h.key("small")
	hanging, stop := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := k.Public(hanging); first <- err }()
	<-asked
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Sign(over, []byte("a report")); !errors.Is(err, context.Canceled) {
		t.Errorf("signing: %v", err)
	}
	stop()
	if err := <-first; err == nil {
		t.Error("a key that was not answered is known")
	}
}

func TestOnlyAVersionNamesAKey(t *testing.T) {
	for name, want := range map[string]bool{
		ring + "/cryptoKeys/a/cryptoKeyVersions/1": true,
		ring + "/cryptoKeys/a":                     false,
		ring + "/cryptoKeys/a/cryptoKeyVersions/":  false,
		"a": false, "": false,
	} {
		if Valid(name) != want {
			t.Errorf("%q is valid: %v", name, !want)
		}
	}
}

func TestAPublicKeyThatIsNoneSaysWhatItIs(t *testing.T) {
	const begin, end = "-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n"
	for text, want := range map[string]string{
		"": "no -----BEGIN PUBLIC KEY", begin + "AAAA" + end: "it is not a public key",
		// an RSA key of 512 bits
		begin + "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL3bvsPjBBVG2JoeDXcOaJnFv5VyvJyK\n" +
			"VUnMbIcqZCXcKNjzpsVFTnmEIo+gCdwLPG3/D6oEV+wmg0t3qLx5OXkCAwEAAQ==" + end: "P-256",
	} {
		if _, err := ParsePublic([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}
