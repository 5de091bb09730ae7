package event

import "testing"

func TestNewKindsOfDoorsAndGuardsAreNamed(t *testing.T) {
	const (
		security = "google.cloud.networksecurity.v1.NetworkSecurity."
		iap      = "google.cloud.iap.v1.IdentityAwareProxyAdminService."
		run      = "google.cloud.run.v2.Instances."
	)
	unlabelled := edits{"resource.labels": map[string]any{}}
	requested := func(request map[string]any) edits {
		return edits{"protoPayload.request": request, "protoPayload.resourceName": nil}
	}
	for _, tc := range []struct {
		name, service, method, resource string
		more                            edits
		want                            string
	}{
		{"a global authorization policy", networkSecurityAPI, security + "CreateAuthzPolicy",
			"projects/demo-project/locations/global/authzPolicies/iap", nil,
			"authorization-policy-changed|demo-project|global|||projects/demo-project/locations/global/authzPolicies/iap"},
		{"a regional one", networkSecurityAPI, "google.cloud.networksecurity.v1beta1.NetworkSecurity.UpdateAuthzPolicy",
			"projects/demo-project/locations/us-central1/authzPolicies/iap", nil,
			"authorization-policy-changed|demo-project|us-central1|||projects/demo-project/locations/us-central1/authzPolicies/iap"},
		{"a deleted one", networkSecurityAPI, security + "DeleteAuthzPolicy",
			"projects/demo-project/locations/global/authzPolicies/iap", unlabelled,
			"authorization-policy-changed|demo-project|global|||projects/demo-project/locations/global/authzPolicies/iap"},
		{"one that only its parent names", networkSecurityAPI, security + "CreateAuthzPolicy", "",
			requested(map[string]any{"parent": "projects/demo-project/locations/global"}),
			"authorization-policy-changed|demo-project|global|||"},
		{"a list of them", networkSecurityAPI, security + "ListAuthzPolicies", "projects/demo-project/locations/global", nil,
			"other-service"},
		{"another kind of policy", networkSecurityAPI, security + "CreateServerTlsPolicy",
			"projects/demo-project/locations/global/serverTlsPolicies/x", nil, "other-service"},
		{"one with a name that is none", networkSecurityAPI, security + "CreateAuthzPolicy",
			"projects/../locations/global/authzPolicies/iap", nil, "unreadable"},

		{"an instance", runAPI, run + "CreateInstance", "projects/demo-project/locations/us-central1/instances/box", nil,
			"run-instance-changed|demo-project|us-central1|||projects/demo-project/locations/us-central1/instances/box"},
		{"an instance of v1", runAPI, "google.cloud.run.v1.Instances.ReplaceInstance", "namespaces/demo-project/instances/box",
			edits{"protoPayload.resourceLocation": map[string]any{"currentLocations": []any{"us-central1"}}},
			"run-instance-changed|demo-project|us-central1|||projects/demo-project/locations/us-central1/instances/box"},
		{"its policy", runAPI, run + "SetIamPolicy", "projects/demo-project/locations/us-central1/instances/box", nil,
			"run-instance-changed|demo-project|us-central1|||projects/demo-project/locations/us-central1/instances/box"},
		{"its deletion", runAPI, run + "DeleteInstance", "projects/demo-project/locations/us-central1/instances/box", nil,
			"run-instance-changed|demo-project|us-central1|||projects/demo-project/locations/us-central1/instances/box"},
		{"a read of it", runAPI, run + "GetInstance", "projects/demo-project/locations/us-central1/instances/box", nil, "read-call"},
		{"one that nothing names", runAPI, run + "CreateInstance", "projects/demo-project/locations/us-central1", nil, "unreadable"},

		{"a custom role", iamAPI, "google.iam.admin.v1.UpdateRole", "projects/demo-project/roles/invokers", nil,
			"role-changed|demo-project||||projects/demo-project/roles/invokers"},
		{"one that is back", iamAPI, "google.iam.admin.v1.UndeleteRole", "projects/demo-project/roles/Shop.invokers_2", unlabelled,
			"role-changed|demo-project||||projects/demo-project/roles/Shop.invokers_2"},
		{"an organisation's", iamAPI, "google.iam.admin.v1.DeleteRole", "organizations/9/roles/invokers", unlabelled,
			"role-changed|||||organizations/9/roles/invokers"},
		{"an organisation's with a name that is none", iamAPI, "google.iam.admin.v1.UpdateRole", "organizations/x/roles/invokers", nil,
			"unreadable"},
		{"one with a name that is none", iamAPI, "google.iam.admin.v1.UpdateRole", "projects/demo-project/roles/a b", nil,
			"unreadable"},
		{"another part of IAM", iamAPI, "google.iam.admin.v1.CreateServiceAccount", "projects/demo-project", nil, "other-service"},

		{"IAP's settings of the project", iapAPI, iap + "UpdateIapSettings", "projects/123456789012", nil,
			"iap-settings-changed|demo-project||||projects/123456789012"},
		{"those of everything in it", iapAPI, iap + "UpdateIapSettings", "projects/123456789012/iap_web", nil,
			"iap-settings-changed|demo-project||||projects/123456789012/iap_web"},
		{"those of a region", iapAPI, iap + "UpdateIapSettings", "projects/123456789012/iap_web/cloud_run-us-central1", nil,
			"iap-settings-changed|demo-project|us-central1|||projects/123456789012/iap_web/cloud_run-us-central1"},
		{"those of a forwarding rule", iapAPI, iap + "UpdateIapSettings",
			"projects/123456789012/iap_web/forwarding_rule-us-central1/services/77", nil,
			"iap-settings-changed|demo-project|us-central1|||projects/123456789012/iap_web/forwarding_rule-us-central1/services/77"},
		{"those of a folder", iapAPI, iap + "UpdateIapSettings", "folders/410000000001", nil,
			"iap-settings-changed|||||folders/410000000001"},
		{"those of a folder with a name that is none", iapAPI, iap + "UpdateIapSettings", "folders/../x", nil, "unreadable"},
		{"a policy of a folder, which IAP has none of", iapAPI, iap + "SetIamPolicy", "folders/410000000001", nil, "out-of-scope"},
		{"a policy of a project, which IAP has none of", iapAPI, iap + "SetIamPolicy", "projects/123456789012", nil, "unreadable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, audited(t, tc.service, tc.method, tc.resource, tc.more), Self{})
			if got := outcome(r); got != tc.want {
				t.Errorf("%s (%s), want %s", got, r.Why, tc.want)
			}
		})
	}
}

func TestAnUpdateThatFailsInTheEndIsAChange(t *testing.T) {
	status := func(code int) map[string]any {
		return map[string]any{"code": code, "message": "Revision is not ready."}
	}
	last, first, both := map[string]any{"id": "o", "last": true}, map[string]any{"id": "o", "first": true},
		map[string]any{"id": "o", "first": true, "last": true}
	denied := []any{map[string]any{"permission": "run.services.update", "granted": false}}
	const changed = "run-service-changed|demo-project|us-central1|hello||"
	for _, tc := range []struct {
		name string
		more edits
		want string
	}{
		{"its last entry", edits{"operation": last, "protoPayload.status": status(13)}, changed},
		{"its last entry, with another code", edits{"operation": last, "protoPayload.status": status(9)}, changed},
		{"its first entry", edits{"operation": first, "protoPayload.status": status(13)}, "failed-call"},
		{"no operation began", edits{"operation": both, "protoPayload.status": status(13)}, "failed-call"},
		{"without an operation", edits{"operation": nil, "protoPayload.status": status(13)}, "failed-call"},
		{"it was not permitted", edits{"operation": last, "protoPayload.status": status(7)}, "failed-call"},
		{"it was not valid", edits{"operation": last, "protoPayload.status": status(3)}, "failed-call"},
		{"nothing was granted",
			edits{"operation": last, "protoPayload.status": status(13), "protoPayload.authorizationInfo": denied}, "failed-call"},
		{"a deletion that failed", edits{"operation": last, "protoPayload.status": status(13),
			"protoPayload.methodName": "google.cloud.run.v2.Services.DeleteService"}, "failed-call"},
		{"our own", edits{"operation": last, "protoPayload.status": status(13),
			"protoPayload.authenticationInfo.principalEmail":       "iapguard@demo-project.iam.gserviceaccount.com",
			"protoPayload.requestMetadata.callerSuppliedUserAgent": "iapguard/1"}, "own-write"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, with(t, deploy, tc.more), Self{Principals: []string{"iapguard@demo-project.iam.gserviceaccount.com"}})
			if got := outcome(r); got != tc.want {
				t.Errorf("%s (%s), want %s", got, r.Why, tc.want)
			}
		})
	}
}

func TestAMultiRegionServiceIsAtGlobal(t *testing.T) {
	r := one(t, with(t, deploy, edits{
		"protoPayload.methodName": "google.cloud.run.v1.Services.CreateService", "protoPayload.resourceName": "namespaces/demo-project/services/hello",
		"resource.labels":               map[string]any{"project_id": "demo-project", "location": "global", "service_name": "hello"},
		"protoPayload.resourceLocation": map[string]any{"currentLocations": []any{"us-central1", "europe-west1"}},
	}), Self{})
	if want := "run-service-changed|demo-project|global|hello||"; outcome(r) != want {
		t.Errorf("%s (%s), want %s", outcome(r), r.Why, want)
	}
}
