package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/test/binary"
)

// policyVersion is the part of secrets.tf that checks the policy and makes a version of it,
// with Terraform's built-in resource in the place of Google's.
func policyVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "modules", "core", "secrets.tf"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, begins := strings.Cut(string(text), "resource \"terraform_data\" \"policy_check\"")
	part, _, ends := strings.Cut(part, "# The first version holds nothing")
	if !begins || !ends {
		t.Fatal("secrets.tf does not check the policy before it makes a version")
	}
	return strings.NewReplacer("google_secret_manager_secret_version\" \"policy", "terraform_data\" \"version",
		"  secret          = google_secret_manager_secret.file[\"policy\"].id\n", "", "secret_data     =",
		"input =",
		"  deletion_policy = \"DISABLE\"\n", "").Replace("resource \"terraform_data\" \"policy_check\"" + part)
}

// A policy whose shape is right and that iapguard refuses ends the apply before the secret
// has a version of it, and the version before stays.
func TestAnInvalidPolicyDoesNotBecomeASecretVersion(t *testing.T) {
	t.Parallel()
	const (
		valid   = "version: 1\nrules:\n  - {name: all, mode: report-only}\n"
		newer   = "version: 1\nrules:\n  - {name: every one, mode: report-only}\n"
		invalid = "version: 1\nrules:\n  - {name: \"all\", mode: enforce, settle: \"forever $(touch hacked)\"}\n"
	)
	for name, checker := range map[string]string{"with a checker": binary.Command(t), "without": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := terraform(t, dir)
			write(t, filepath.Join(dir, "main.tf"),
				"variable \"policy\" { type = string }\nvariable \"policy_checker\" {\n"+
					"  type    = string\n  default = null\n}\n"+policyVersion(t)+"\noutput \"version\" { value = terraform_data.version.output }\n")
			initialise(t, run)
			apply := func(policy string) (out string, err error) {
				arguments := []string{"apply", "-auto-approve", "-input=false", "-var=policy=" + policy}
				if checker != "" {
					arguments = append(arguments, "-var=policy_checker="+checker)
				}
				return run(arguments...)
			}
			// Terraform's warnings about its own settings come before the value.
			inForce := func(policy string) bool {
				t.Helper()
				out, err := run("output", "-raw", "version")
				if err != nil {
					t.Fatalf("terraform output: %v\n%s", err, out)
				}
				return strings.HasSuffix(out, policy)
			}
			if out, err := apply(invalid); checker != "" && (err == nil || !strings.Contains(out, "settle")) {
				t.Fatalf("an invalid first policy: %v, want it refused with what is wrong:\n%s", err, out)
			} else if checker == "" {
				if err != nil {
					t.Fatalf("without a checker: %v\n%s", err, out)
				}
				return
			}
			if state, err := os.ReadFile(filepath.Join(dir, "terraform.tfstate")); err != nil ||
				strings.Contains(string(state), `"name": "version"`) {
				t.Errorf("there is a version of the invalid policy, or no state: %v\n%s", err, state)
			}
			if out, err := apply(valid); err != nil {
				t.Fatalf("a valid policy: %v\n%s", err, out)
			}
			if out, err := apply(invalid); err == nil {
				t.Errorf("an invalid policy after a valid one is accepted:\n%s", out)
			}
			if !inForce(valid) {
				t.Error("another version than the one before is in force")
			}
			if _, err := os.Stat(filepath.Join(dir, "hacked")); err == nil {
				t.Error("the policy's text was taken for commands")
			}
			if out, err := apply(newer); err != nil || !inForce(newer) {
				t.Errorf("the next valid policy: %v\n%s", err, out)
			}
		})
	}
}
