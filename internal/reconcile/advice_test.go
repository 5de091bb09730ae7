package reconcile

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

const us = "iapguard@demo-project.iam.gserviceaccount.com"

// principals are who we are, none for somebody who does not know.
func principals(account string) []string {
	if account == "" {
		return nil
	}
	return []string{account}
}

// deputy is a writer of one folder.
const deputy = "writer@demo-project.iam.gserviceaccount.com"

func TestAdviceNamesTheExactCommand(t *testing.T) {
	denied := fault.Error{Kind: fault.Denied, Permission: "run.services.update"}
	acting := fault.Error{Kind: fault.Denied, Permission: "iam.serviceAccounts.actAs",
		Account: "shop@demo-project.iam.gserviceaccount.com"}
	for _, tc := range []struct {
		name    string
		self    string
		project string
		err     fault.Error
		want    []string
	}{
		{"a permission", us, "demo-project", denied, []string{
			"grant iapguard's service account the permission run.services.update",
			"gcloud projects add-iam-policy-binding demo-project --member=serviceAccount:" + us +
				" --role=projects/demo-project/roles/iapguardWriter; " +
				"where it has that role, the role lacks it: gcloud iam roles update iapguardWriter " +
				"--add-permissions=run.services.update --project=demo-project",
		}},
		{"a permission of reading", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: "run.services.get"}, []string{
				"grant iapguard's service account the permission run.services.get",
				"gcloud projects add-iam-policy-binding demo-project --member=serviceAccount:" + us +
					" --role=projects/demo-project/roles/iapguardReader; " +
					"where it has that role, the role lacks it: gcloud iam roles update iapguardReader " +
					"--add-permissions=run.services.get --project=demo-project",
			}},
		{"a permission, and nobody knows who we are", "", "demo-project", denied,
			[]string{"grant iapguard's service account the permission run.services.update"}},
		{"a permission, and nobody knows where", us, "", denied,
			[]string{"grant iapguard's service account the permission run.services.update"}},
		{"acting as an account", us, "demo-project", acting, []string{
			"grant iapguard's service account the permission iam.serviceAccounts.actAs",
			"gcloud iam service-accounts add-iam-policy-binding shop@demo-project.iam.gserviceaccount.com " +
				"--member=serviceAccount:" + us +
				" --role=projects/demo-project/roles/iapguardRuntime --project=demo-project",
		}},
		{"a permission, to a writer", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: "run.services.get", Caller: deputy}, []string{
				"grant the writer account " + deputy + " the permission run.services.get",
				"gcloud resource-manager folders add-iam-policy-binding 1 --member=serviceAccount:" + deputy +
					" --role=organizations/9/roles/iapguardWriter; " +
					"where it has that role, the role lacks it: gcloud iam roles update iapguardWriter " +
					"--add-permissions=run.services.get --organization=9",
			}},
		{"turning an API on, to a writer", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: "serviceusage.services.enable", Caller: deputy}, []string{
				"grant the writer account " + deputy + " the permission serviceusage.services.enable",
				"gcloud resource-manager folders add-iam-policy-binding 1 --member=serviceAccount:" + deputy +
					" --role=organizations/9/roles/iapguardAPIs; " +
					"where it has that role, the role lacks it: gcloud iam roles update iapguardAPIs " +
					"--add-permissions=serviceusage.services.enable --organization=9",
			}},
		{"acting as an account, to a writer", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: acting.Permission, Account: acting.Account, Caller: deputy}, []string{
				"grant the writer account " + deputy + " the permission iam.serviceAccounts.actAs",
				"gcloud iam service-accounts add-iam-policy-binding shop@demo-project.iam.gserviceaccount.com " +
					"--member=serviceAccount:" + deputy +
					" --role=organizations/9/roles/iapguardRuntime --project=demo-project",
			}},
		{"a permission, to a writer of no folder there", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: "run.services.update", Caller: "x@y"},
			[]string{"grant the writer account x@y the permission run.services.update"}},
		{"impersonating a writer", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: "iam.serviceAccounts.getAccessToken", Account: deputy,
				Remedy: "its own"},
			[]string{"grant iapguard's service account the permission iam.serviceAccounts.getAccessToken", "its own"}},
		{"a permission that is bound to a secret", us, "demo-project",
			fault.Error{Kind: fault.Denied, Permission: "secretmanager.versions.access", Remedy: "its own"},
			[]string{"grant iapguard's service account the permission secretmanager.versions.access", "its own"}},
		{"an API", us, "demo-project", fault.Error{Kind: fault.APIDisabled, Service: "iap.googleapis.com"},
			[]string{"gcloud services enable iap.googleapis.com --project=demo-project"}},
	} {
		tc.err.Err = errors.New("no")
		r := &run{
			Engine: &Engine{Surroundings: Surroundings{Self: event.Self{Principals: principals(tc.self)},
				Writers: Writers{"folders/1": deputy}}}}
		met := errorScope{tc.project,
			posture.Ancestors{Known: true, Folders: []string{"folders/2", "folders/1"}, Organization: "organizations/9"}}
		got := r.advice(fmt.Errorf("writing: %w", &tc.err), met)
		if diff := cmp.Diff(append([]string{"writing: no"}, tc.want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAMissingPermissionIsLookedForInTheRoleThatHasIt(t *testing.T) {
	shipped, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	checked, known := 0, map[string]bool{} // what both have is the reader's
	for _, role := range shipped {
		if role.ID != enablingRole && (role.Optional || role.BindTo != "project") {
			continue
		}
		for _, permission := range role.Names() {
			if got := roleWith(permission); got != role.ID && !known[permission] {
				t.Errorf("%s: advice names the role %s, want %s", permission, got, role.ID)
			}
			checked, known[permission] = checked+1, true
		}
	}
	if checked < 30 {
		t.Errorf("only %d permissions were looked at", checked)
	}
}
