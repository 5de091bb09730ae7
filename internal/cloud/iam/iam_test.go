package iam

import (
	"testing"

	iam "google.golang.org/api/iam/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestARoleIsWhatItsPermissionsLetDo(t *testing.T) {
	const invoke, pass = "run.routes.invoke", "iap.webServiceVersions.accessViaIAP"
	for _, tc := range []struct {
		name string
		role iam.Role
		want posture.Role
	}{
		{"nothing", iam.Role{}, posture.Role{}},
		{"invokes", iam.Role{IncludedPermissions: []string{"run.services.get", invoke}}, posture.Role{Invokes: true}},
		{"invokes instances", iam.Role{IncludedPermissions: []string{"run.instances.invoke"}},
			posture.Role{InvokesInstances: true}},
		{"passes IAP", iam.Role{IncludedPermissions: []string{pass}}, posture.Role{PassesIAP: true}},
		{"deleted", iam.Role{Deleted: true, IncludedPermissions: []string{invoke, pass}}, posture.Role{}},
		{"disabled", iam.Role{Stage: "DISABLED", IncludedPermissions: []string{invoke, pass}}, posture.Role{}},
		{"reads accounts", iam.Role{IncludedPermissions: []string{"iam.serviceAccounts.get", "iam.serviceAccounts.list",
			"iam.serviceAccounts.getIamPolicy", "run.services.getIamPolicy"}}, posture.Role{}},
		{"becomes an account", iam.Role{IncludedPermissions: []string{"iam.serviceAccounts.getOpenIdToken"}},
			posture.Role{Administers: true}},
		{"changes the policy", iam.Role{IncludedPermissions: []string{"run.services.setIamPolicy"}},
			posture.Role{Administers: true}},
	} {
		if diff := cmp.Diff(tc.want, roleOf(&tc.role)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
