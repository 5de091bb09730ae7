package deploy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// beside is what signing.tf refers to in its module.
const beside = `variable "project_id" { default = "demo-project" }
variable "region" { default = "us-central1" }
variable "name" { default = "guard-tf" }
variable "signature_readers" { default = [] }
variable "signing_key_version" { type = number }

locals {
  labels   = {}
  function = "serviceAccount:guard-tf@demo-project.iam.gserviceaccount.com"
}

resource "google_project_service" "api" {
  service            = "cloudkms.googleapis.com"
  disable_on_destroy = false
}
`

// Cloud KMS keeps key rings and keys for ever. The provider forgets the ring, and destroys the
// versions of the key. To sign again a person imports both, and makes another version:
// docs/how-to/signed-evidence.md.
func TestASigningKeyIsTakenUpAgainAfterItsDestruction(t *testing.T) {
	t.Parallel()
	e := newStage(t, "key")
	signing, err := os.ReadFile(filepath.Join(module, "modules", "core", "signing.tf"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(e.dir, "signing.tf"), string(signing))
	write(t, filepath.Join(e.dir, "main.tf"), beside)
	e.CallAs(e.Owner(), http.MethodPost, "/v1/"+project+"/serviceAccounts", map[string]any{"accountId": "guard-tf"})
	e.begin()
	const ring, first = project + "/locations/us-central1/keyRings/guard-tf", "-var=signing_key_version=1"
	e.recorder.step("apply", "-auto-approve", first)
	e.recorder.step("plan", "-detailed-exitcode", first)
	e.recorder.step("destroy", "-auto-approve", first)
	const kept = "cloudkms " + ring
	e.leaves(kept, kept+"/cryptoKeys/reports", kept+"/cryptoKeys/reports/cryptoKeyVersions/1")
	version := e.CallAs(e.Owner(), http.MethodGet, "/v1/"+ring+"/cryptoKeys/reports/cryptoKeyVersions/1", nil)
	if version["state"] != "DESTROY_SCHEDULED" {
		t.Errorf("the version of a destroyed key is %v, want its destruction to be scheduled", version["state"])
	}
	if out, err := e.recorder.run("apply", "-auto-approve", "-input=false", first); err == nil || !strings.Contains(out, "already exists") {
		t.Errorf("making the key ring again: %v, want that it exists already:\n%s", err, out)
	}
	const second = "-var=signing_key_version=2"
	for address, id := range map[string]string{`google_kms_key_ring.signing["reports"]`: ring,
		`google_kms_crypto_key.signing["reports"]`: ring + "/cryptoKeys/reports"} {
		if out, err := e.recorder.run("import", "-input=false", second, address, id); err != nil {
			t.Fatalf("importing %s: %v\n%s", id, err, out)
		}
	}
	e.CallAs(e.Owner(), http.MethodPost, "/v1/"+ring+"/cryptoKeys/reports/cryptoKeyVersions", nil)
	e.recorder.step("apply", "-auto-approve", second)
	e.recorder.step("plan", "-detailed-exitcode", second)
	e.CallAs(e.Owner(), http.MethodGet, "/v1/"+ring+"/cryptoKeys/reports/cryptoKeyVersions/2/publicKey", nil)
	policy := e.CallAs(e.Owner(), http.MethodGet, "/v1/"+ring+"/cryptoKeys/reports:getIamPolicy", nil)
	if policy["bindings"] == nil {
		t.Errorf("the policy of the key that was taken up again: %v, want the function in it", policy)
	}
	e.recorder.step("destroy", "-auto-approve", second)
	e.recorder.finish(keepTypes)
}
