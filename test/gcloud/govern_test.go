package gcloud

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGcloudTakesWhatGovernsAProject types commands about what is above a project, and
// reads what they answer.
func TestGcloudTakesWhatGovernsAProject(t *testing.T) {
	t.Parallel()
	l := start(t, "--cloud-only")
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("name: projects/demo-project/policies/run.allowedIngress\n"+
		"spec: {rules: [{values: {allowedValues: [internal]}}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ line, want string }{
		{"resource-manager folders create --display-name=wave --organization=987654321098 --format=value(name)",
			"folders/410000000001"},
		{"resource-manager folders create --display-name=inner --folder=410000000001 --format=value(name)",
			"folders/410000000002"},
		{"resource-manager folders list --organization=987654321098 --format=value(name,displayName)", "410000000001\twave"},
		{"resource-manager folders update 410000000002 --display-name=inside", ""},
		{"resource-manager folders move 410000000002 --organization=987654321098", ""},
		{"resource-manager folders describe 410000000002 --format=value(displayName,parent,lifecycleState)",
			"inside\torganizations/987654321098\tACTIVE"},
		{"resource-manager folders delete 410000000002", ""},
		{"projects list --format=value(projectId,projectNumber)", "demo-project\t123456789012"},
		{"alpha projects search --query=id:demo-* --format=value(projectId)", "demo-project"},
		{"projects describe demo-project --format=value(lifecycleState,parent.id)", "ACTIVE\t987654321098"},
		{"alpha projects update demo-project --update-labels=team=shop --format=value(labels.team)", "shop"},
		{"beta projects move demo-project --folder=410000000001 --format=value(parent.id)", "410000000001"},
		{"projects get-ancestors demo-project --format=value(id)", "demo-project\n410000000001\n987654321098"},
		{"organizations list --format=value(displayName,owner.directoryCustomerId)", "example.com\tC012345ab"},
		{"organizations add-iam-policy-binding 987654321098 --member=user:a@example.com --role=roles/browser " +
			"--condition=None --format=value(bindings.role.list())", "roles/owner,organizations/987654321098/roles/iapguardAncestors,roles/browser"},
		{"organizations get-iam-policy example.com --format=value(bindings.role.list())", "roles/owner,organizations/987654321098/roles/iapguardAncestors,roles/browser"},
		{"billing projects describe demo-project --format=value(billingEnabled)", "True"},
		{"org-policies set-policy " + policy + " --format=value(name)", "projects/123456789012/policies/run.allowedIngress"},
		{"org-policies describe run.allowedIngress --effective --project=demo-project --format=value(spec.rules[0].values)",
			"allowedValues=['internal']"},
		{"org-policies list --project=demo-project --format=value(constraint)", "run.allowedIngress"},
		{"org-policies delete run.allowedIngress --project=demo-project", "{}"},
		{"asset search-all-resources --scope=organizations/987654321098 --query=displayName:wave --format=value(assetType)",
			"cloudresourcemanager.googleapis.com/Folder"},
		{"asset search-all-iam-policies --query=policy:a@example.com --scope=organizations/987654321098 " +
			"--format=value(policy.bindings[0].role)", "roles/browser"},
		{"asset list --organization=987654321098 --content-type=iam-policy " +
			"--asset-types=cloudresourcemanager.googleapis.com/Organization --format=value(iamPolicy.bindings.role.list())",
			"roles/owner,organizations/987654321098/roles/iapguardAncestors,roles/browser"},
	} {
		if got := l.answer(step.line); got != step.want {
			t.Errorf("gcloud %s\nanswers %q, want %q", step.line, got, step.want)
		}
	}
}

// answer is what a command prints.
func (l *local) answer(line string) string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "gcloud", append([]string{"--quiet"}, strings.Fields(line)...)...)
	var refusal strings.Builder
	command.Env, command.Stderr = l.env, &refusal
	out, err := command.Output()
	if err != nil {
		l.t.Errorf("gcloud %s: %v\n%s", line, err, &refusal)
	}
	return strings.TrimSpace(string(out))
}
