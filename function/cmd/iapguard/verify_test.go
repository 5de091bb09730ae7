package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/attest"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/kms"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const keyVersion = "projects/demo-project/locations/us-central1/keyRings/guard/cryptoKeys/reports/cryptoKeyVersions/1"

// pemKey signs with a key that the test holds.
type pemKey struct{ *ecdsa.PrivateKey }

func (pemKey) Name() string { return keyVersion }

func (k pemKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	digest := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, k.PrivateKey, digest[:])
}

// lookedAt is a report of a look at a service.
func lookedAt(service string, at time.Time) report.Report {
	return report.Report{RunID: "run-" + service, ObservedAt: at, Version: "0.1.0", Outcome: report.Compliant,
		Mode: policy.Enforce, Exposed: door.No, Policy: &report.Policy{Digest: "none", Rule: "default"},
		Target: &report.Target{Project: "demo-project", Location: "us-central1", Service: service},
		Cause:  report.Cause{Kind: "command", Key: "k"}}
}

// evidenceFiles are a report, its envelope, and that of another report, in files of a folder.
func evidenceFiles(t *testing.T, folder string, key attest.Key) {
	t.Helper()
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	evidenceOf(t, folder, key, map[string]time.Time{"shop": at, "cart": at})
}

// evidenceOf are reports of looks at services, with their envelopes.
func evidenceOf(t *testing.T, folder string, key attest.Key, looks map[string]time.Time) {
	t.Helper()
	for service, at := range looks {
		r := lookedAt(service, at)
		data, err := r.Data()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := attest.Signer{Key: key, Account: playground.FunctionAccount}.Sign(t.Context(), r, at.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"": data, "-signed": signed.Data(),
			"-changed": bytes.Replace(data, []byte(`"exposed":"no"`), []byte(`"exposed":"yes"`), 1)} {
			if err := os.WriteFile(filepath.Join(folder, service+name+".json"), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// publicIn makes a key, and writes its public half into a file.
func publicIn(t *testing.T, name string) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return private
}

// bucket is one of a local cloud.
type bucket struct{ endpoint, name string }

// putEvidence adds a file as the first line of today in a folder of a bucket of evidence.
func putEvidence(t *testing.T, b bucket, folder, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := folder + "/" + time.Now().UTC().Format(time.DateOnly) + "/1.jsonl"
	response, err := http.Post(b.endpoint+"/upload/storage/v1/b/"+b.name+"/o?uploadType=media&name="+name, "application/json",
		bytes.NewReader(append(text, '\n')))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	response.Body.Close()
}

func TestVerifySaysWhoSignedWhat(t *testing.T) {
	t.Chdir(t.TempDir())
	evidenceFiles(t, ".", pemKey{publicIn(t, "key.pem")})
	publicIn(t, "other.pem")
	for _, tc := range []struct {
		typed  string
		status int
		says   string
	}{
		{"shop.json shop-signed.json --key key.pem", exitDone,
			"signed by " + playground.FunctionAccount + " at 2026-11-30T09:00:01Z with " + keyVersion},
		{"shop-signed.json shop.json --key key.pem --format json", exitDone, `"result":"good"`},
		{"shop.json shop.json shop-signed.json --key key.pem", exitDone, "(read 2 times)"},
		{"shop.json --key key.pem", exitPending, "no envelope is about it"},
		{"shop.json cart.json shop-signed.json --key key.pem", exitPending, "unsigned"},
		{"shop.json shop-signed.json cart-signed.json --key key.pem", exitDone,
			"1 signature about reports that were not read"},
		{"shop-changed.json shop-signed.json --key key.pem", exitFailed, "1 of 1 report not what was signed"},
		{"shop-changed.json shop-signed.json --key key.pem --format json", exitFailed, `"result":"bad"`},
		{"shop.json cart-signed.json --key key.pem", exitFailed, "run run-cart"},
		{"shop.json shop-signed.json --key other.pem", exitFailed, "is not that of the key that is trusted"},
		{"shop.json shop-signed.json", exitUsage, "no key is trusted"},
		{"shop.json shop-signed.json --key shop.json", exitUsage, "not a public key in PEM"},
		{"shop.json shop-signed.json --key nothing.pem", exitUsage, "the version of no key"},
		{"shop-signed.json --key key.pem", exitUsage, "there is no report"},
		{"nothing.json --key key.pem", exitUsage, "nothing.json"},
		{"--key key.pem", exitUsage, "iapguard verify REPORT ENVELOPE"},
		{"shop.json --from gs://bucket --key key.pem", exitUsage, "iapguard verify REPORT ENVELOPE"},
		{"--from bucket --key key.pem", exitUsage, "write gs://BUCKET"},
		{"shop.json --format csv --key key.pem", exitUsage, "write text or json"},
	} {
		var out bytes.Buffer
		status := run(t.Context(), append([]string{"verify"}, strings.Fields(tc.typed)...), &out, &out)
		if status != tc.status || !strings.Contains(out.String(), tc.says) {
			t.Errorf("verify %s: status %d, want %d and %q:\n%s", tc.typed, status, tc.status, tc.says, &out)
		}
	}
}

// The bucket of evidence has reports and signatures in folders of their own, and Cloud KMS the key.
func TestVerifyReadsTheBucketAndTheKeyOfTheCloud(t *testing.T) {
	e := cloudtest.Start(t, playground.Options{Clock: time.Now})
	owner := func(path string, body map[string]any) { e.CallAs(e.Owner(), http.MethodPost, path, body) }
	const rings = "/v1/projects/demo-project/locations/us-central1/keyRings"
	owner(rings+"?keyRingId=guard", map[string]any{})
	owner(rings+"/guard/cryptoKeys?cryptoKeyId=reports", map[string]any{"purpose": "ASYMMETRIC_SIGN",
		"versionTemplate": map[string]any{"algorithm": "EC_SIGN_P384_SHA384"}})
	owner("/storage/v1/b?project=demo-project", map[string]any{"name": "guard-evidence"})
	key, err := kms.Open(t.Context(), connect.Config{Endpoint: e.URL()}, keyVersion)
	if err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	evidenceFiles(t, files, key)
	put := func(folder, file string) {
		t.Helper()
		putEvidence(t, bucket{e.URL(), "guard-evidence"}, folder, filepath.Join(files, file))
	}
	put("reports", "shop.json")
	put("signatures", "shop-signed.json")
	t.Setenv("IAPGUARD_SIGNING_KEY", keyVersion)
	var out bytes.Buffer
	typed := []string{"verify", "--from", "gs://guard-evidence", "--endpoint", e.URL()}
	status := run(t.Context(), typed, &out, &out)
	if status != exitDone || !strings.Contains(out.String(), "signed by "+playground.FunctionAccount) {
		t.Errorf("status %d: %s", status, &out)
	}
	put("reports", "shop-changed.json")
	out.Reset()
	if status := run(t.Context(), typed, &out, &out); status != exitFailed {
		t.Errorf("of a changed report: status %d: %s", status, &out)
	}
}

// A report that somebody took away, or that was never delivered, is missed by its signature. What
// came within the last minutes may still be on its way.
func TestVerifyMissesReportsOfTheBucketBySignatures(t *testing.T) {
	e := cloudtest.Start(t, playground.Options{Clock: time.Now})
	e.CallAs(e.Owner(), http.MethodPost, "/storage/v1/b?project=demo-project", map[string]any{"name": "guard-evidence"})
	folder := t.TempDir()
	t.Chdir(folder)
	now := time.Now()
	evidenceOf(t, folder, pemKey{publicIn(t, "key.pem")}, map[string]time.Time{"shop": now.Add(-30 * time.Minute),
		"cart": now.Add(-20 * time.Minute), "fresh": now.Add(-time.Minute), "old": now.Add(-3 * time.Hour)})
	var signatures []byte
	for _, service := range []string{"shop", "cart", "fresh", "old"} {
		text, err := os.ReadFile(service + "-signed.json")
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(append(signatures, text...), '\n')
	}
	if err := os.WriteFile("signatures", signatures, 0o600); err != nil {
		t.Fatal(err)
	}
	b := bucket{e.URL(), "guard-evidence"}
	putEvidence(t, b, "signatures", "signatures")
	typed := []string{"verify", "--from", "gs://guard-evidence", "--endpoint", e.URL(), "--key", "key.pem"}
	look := func(status, missing int, further ...string) string {
		t.Helper()
		var out bytes.Buffer
		got := run(t.Context(), append(typed, further...), &out, &out)
		if got != status || strings.Count(out.String(), "missing") != missing || strings.Contains(out.String(), "run-old") ||
			strings.Contains(out.String(), "run-fresh") {
			t.Errorf("status %d, want %d and %d missing:\n%s", got, status, missing, &out)
		}
		return out.String()
	}
	look(exitPending, 2) // also where every report was taken away
	putEvidence(t, b, "reports", "shop.json")
	if said := look(exitPending, 1, "--format", "json"); !strings.Contains(said, `"runId":"run-cart"`) {
		t.Errorf("another one is missing: %s", said)
	}
	both := bytes.Join([][]byte{must(t, "shop.json"), must(t, "cart.json")}, []byte{'\n'})
	if err := os.WriteFile("both", both, 0o600); err != nil {
		t.Fatal(err)
	}
	putEvidence(t, b, "reports", "both")
	look(exitDone, 0)
}

func must(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
