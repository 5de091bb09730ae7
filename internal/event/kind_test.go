package event

import (
	"slices"
	"strings"
	"testing"
)

// audited is the deploy turned into another audited call.
func audited(t testing.TB, service, method, resource string, more edits) []byte {
	t.Helper()
	e := edits{"protoPayload.serviceName": service, "protoPayload.methodName": method,
		"protoPayload.resourceName": resource,
		"resource.type":             "audited_resource", "resource.labels": map[string]any{"project_id": "demo-project"}}
	for k, v := range more {
		e[k] = v
	}
	return with(t, deploy, e)
}

// about is the subject of a cause in one word, for tables.
func about(c *Cause) string {
	return strings.Join([]string{string(c.Kind), c.Project, c.Location, c.Service, c.BackendService, c.Resource}, "|")
}

// outcome is the subject of a cause, or the reason why an entry is ignored.
func outcome(r Result) string {
	if r.Cause == nil {
		return string(r.Ignored)
	}
	return about(r.Cause)
}

func TestCloudRunMethods(t *testing.T) {
	const service = "run.googleapis.com"
	v1, v2 := "namespaces/demo-project/services/hello", "projects/demo-project/locations/us-central1/services/hello"
	for _, tc := range []struct {
		method, resource string
		kind             Kind
		ignored          Reason
	}{
		{"google.cloud.run.v1.Services.CreateService", v1, RunServiceChanged, ""},
		{"google.cloud.run.v1.Services.ReplaceService", v1, RunServiceChanged, ""},
		{"google.cloud.run.v1.Services.DeleteService", v1, RunServiceDeleted, ""},
		{"google.cloud.run.v1.Services.SetIamPolicy", v2, RunIAMChanged, ""},
		{"google.cloud.run.v2.Services.CreateService", v2, RunServiceChanged, ""},
		{"google.cloud.run.v2.Services.UpdateService", v2, RunServiceChanged, ""},
		{"google.cloud.run.v2.Services.DeleteService", v2, RunServiceDeleted, ""},
		{"google.cloud.run.v2.Services.SetIamPolicy", v2, RunIAMChanged, ""},
		{"google.cloud.run.v3.Services.PatchService", v2, RunServiceChanged, ""}, // a verb of tomorrow
		{"google.cloud.serverless.internal.InternalServices.CreateInternalService", v1, RunServiceChanged, ""},
		{"google.cloud.serverless.internal.InternalServices.ReplaceInternalService", v1, RunServiceChanged, ""},
		{"google.cloud.serverless.internal.InternalServices.DeleteInternalService", v1, RunServiceDeleted, ""},
		{"/Services.CreateService", v1, RunServiceReady, ""},
		{"/Services.ReplaceService", "namespaces/demo-project/revisions/hello-00001-abc", RunServiceReady, ""},
		{"/InternalServices.ReplaceInternalService", v1, RunServiceReady, ""},
		{"/Services.DeleteService", v1, RunServiceDeleted, ""},
		{"google.cloud.run.v1.Services.GetService", v1, "", ReadCall},
		{"google.cloud.run.v2.Services.ListServices", v2, "", ReadCall},
		{"google.cloud.run.v2.Services.GetIamPolicy", v2, "", ReadCall},
		{"google.cloud.run.v1.Services.TestIamPermissions", v2, "", ReadCall},
		{"google.cloud.run.v1.Revisions.DeleteRevision", v1, "", Unrelated},
		{"google.cloud.run.v1.Jobs.CreateJob", v1, "", otherService},
		{"/Jobs.RunJob", v1, "", otherService},
	} {
		r := one(t, with(t, deploy, edits{"protoPayload.serviceName": service, "protoPayload.methodName": tc.method,
			"protoPayload.resourceName": tc.resource}), Self{})
		if r.Ignored != tc.ignored {
			t.Errorf("%s: ignored %q (%s), want %q", tc.method, r.Ignored, r.Why, tc.ignored)
		} else if want := string(tc.kind) + "|demo-project|us-central1|hello||"; tc.kind != "" && about(r.Cause) != want {
			t.Errorf("%s: %s, want %s", tc.method, about(r.Cause), want)
		}
	}
}

func TestDomainMappingsConcernTheirService(t *testing.T) {
	const create = "google.cloud.run.v1.DomainMappings.CreateDomainMapping"
	mapping := map[string]any{"metadata": map[string]any{"name": "shop.example.com"},
		"spec": map[string]any{"routeName": "shop"}}
	labels := map[string]any{"project_id": "demo-project", "location": "us-central1", "service_name": ""}
	for _, tc := range []struct {
		name, method string
		more         edits
		want         string
	}{
		{"the request names it", create, edits{"protoPayload.request": map[string]any{"domainMapping": mapping}},
			"routing-changed|demo-project|us-central1|shop||"},
		{"the response names it", create, edits{"protoPayload.request": nil, "protoPayload.response": mapping},
			"routing-changed|demo-project|us-central1|shop||"},
		{"the labels have the host", create, edits{
			"protoPayload.request": map[string]any{"domainMapping": mapping},
			"resource.labels": map[string]any{"project_id": "demo-project", "location": "us-central1",
				"service_name": "shop.example.com"},
		}, "routing-changed|demo-project|us-central1|shop||"},
		{"no service is named", create, edits{"protoPayload.request": nil, "protoPayload.response": nil}, "unreadable"},
		{"no location is named", create, edits{
			"protoPayload.request": map[string]any{"domainMapping": mapping}, "protoPayload.resourceLocation": nil,
			"protoPayload.response": nil,
			"resource.labels":       map[string]any{"project_id": "demo-project"},
		}, "unreadable"},
		{"only resourceLocation has the location", create, edits{
			"protoPayload.request":          map[string]any{"domainMapping": mapping},
			"protoPayload.resourceLocation": map[string]any{"currentLocations": []any{"us-central1"}},
			"resource.labels":               map[string]any{"project_id": "demo-project"},
		}, "routing-changed|demo-project|us-central1|shop||"},
		{"several locations", create, edits{
			"protoPayload.request":          map[string]any{"domainMapping": mapping},
			"protoPayload.resourceLocation": map[string]any{"currentLocations": []any{"us-central1", "us-east1"}},
			"resource.labels":               map[string]any{"project_id": "demo-project"},
		}, "unreadable"},
		{"an invalid service", create,
			edits{
				"protoPayload.request": map[string]any{
					"domainMapping": map[string]any{"spec": map[string]any{"routeName": "../x"}}}}, "unreadable"},
		{"a deletion, which opens nothing", "google.cloud.run.v1.DomainMappings.DeleteDomainMapping", nil, "unrelated"},
		{"a read", "google.cloud.run.v1.DomainMappings.ListDomainMappings", nil, "read-call"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			more := edits{"resource.type": "cloud_run_revision", "resource.labels": labels}
			for path, value := range tc.more {
				more[path] = value
			}
			r := one(t, audited(t, "run.googleapis.com", tc.method, "namespaces/demo-project/domainmappings/shop.example.com",
				more), Self{})
			if got := outcome(r); got != tc.want {
				t.Errorf("%s (%s), want %s", got, r.Why, tc.want)
			}
		})
	}
}

func TestReadinessIsReadFromTheMessage(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		status       map[string]any
		ignored      Reason
	}{
		{"ready", "/Services.ReplaceService",
			map[string]any{"message": "Ready condition status changed to True for Service hello."}, ""},
		{"ready, no method", "",
			map[string]any{
				"message": "Ready condition status changed to True for Revision hello-1 with message: Deploying revision " +
					"succeeded in 5s."}, ""},
		{"not ready", "/Services.ReplaceService",
			map[string]any{"code": 9, "message": "Ready condition status changed to False for Revision hello-1."}, failedCall},
		{"not ready, no code", "/Services.ReplaceService",
			map[string]any{"message": "Ready condition status changed to False for Service hello."}, failedCall},
		{"not ready, no method", "",
			map[string]any{"message": "Ready condition status changed to Unknown for Service hello."}, failedCall},
		{"something else, no method", "", map[string]any{"message": "True colours"}, Unrelated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := edits{"logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Fsystem_event",
				"protoPayload.authenticationInfo": nil,
				"protoPayload.methodName":         tc.method, "protoPayload.status": tc.status}
			r := one(t, with(t, deploy, e), Self{})
			if r.Ignored != tc.ignored || tc.ignored == "" && r.Cause.Kind != RunServiceReady {
				t.Errorf("%q ignored %q (%s), want %q", r.Seen.Kind, r.Ignored, r.Why, tc.ignored)
			}
		})
	}
}

func TestUnnamedReadinessCountsForServicesOnly(t *testing.T) {
	ready := edits{"protoPayload.methodName": "",
		"protoPayload.status": map[string]any{"message": "Ready condition status changed to True for x."}}
	for name, tc := range map[string]struct {
		path, value string
		want        Reason
	}{
		"a service":        {"resource.type", "cloud_run_revision", ""},
		"a job":            {"resource.type", "cloud_run_job", Unrelated},
		"of another API":   {"protoPayload.serviceName", "appengine.googleapis.com", otherService},
		"of no API at all": {"protoPayload.serviceName", "", otherService},
	} {
		if r := one(t, with(t, string(with(t, deploy, ready)), edits{tc.path: tc.value}), Self{}); r.Ignored != tc.want {
			t.Errorf("%s: ignored %q (%s), want %q", name, r.Ignored, r.Why, tc.want)
		}
	}
}

func TestComputeMethods(t *testing.T) {
	for _, tc := range []struct {
		method, resource string
		labels           map[string]any
		want             string // of about, or the reason
	}{
		{"v1.compute.backendServices.insert", "projects/demo-project/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"beta.compute.backendServices.patch", "projects/123456789012/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"alpha.compute.backendServices.update", "projects/demo-project/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"v1.compute.backendServices.delete", "projects/demo-project/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"v1.compute.backendServices.setIamPolicy", "projects/demo-project/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"v1.compute.backendServices.setSecurityPolicy", "projects/demo-project/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"v1.compute.regionBackendServices.patch", "projects/demo-project/regions/europe-west1/backendServices/web", nil,
			"backend-service-changed|demo-project|europe-west1||web|projects/demo-project/regions/europe-west1/backendServices/web"},
		{"v1.compute.regionBackendServices.patch", "",
			map[string]any{"project_id": "demo-project", "location": "europe-west1",
				"backend_service_id": "7312383563505470445"},
			"backend-service-changed|demo-project|europe-west1||7312383563505470445|projects/demo-project/regions/europe-west1/backendServices/7312383563505470445"},
		{"v1.compute.backendServices.patch",
			"https://www.googleapis.com/compute/v1/projects/demo-project/global/backendServices/web", nil,
			"backend-service-changed|demo-project|global||web|projects/demo-project/global/backendServices/web"},
		{"v1.compute.regionNetworkEndpointGroups.insert",
			"projects/demo-project/regions/us-central1/networkEndpointGroups/n", nil,
			"routing-changed|demo-project|us-central1|||projects/demo-project/regions/us-central1/networkEndpointGroups/n"},
		{"beta.compute.urlMaps.patch", "projects/demo-project/global/urlMaps/m", nil,
			"routing-changed|demo-project|global|||projects/demo-project/global/urlMaps/m"},
		{"v1.compute.regionUrlMaps.update", "projects/demo-project/regions/us-central1/urlMaps/m", nil,
			"routing-changed|demo-project|us-central1|||projects/demo-project/regions/us-central1/urlMaps/m"},
		{"v1.compute.targetHttpProxies.setUrlMap", "projects/demo-project/global/targetHttpProxies/p", nil,
			"routing-changed|demo-project|global|||projects/demo-project/global/targetHttpProxies/p"},
		{"v1.compute.regionTargetHttpsProxies.patch", "projects/demo-project/regions/us-central1/targetHttpsProxies/p", nil,
			"routing-changed|demo-project|us-central1|||projects/demo-project/regions/us-central1/targetHttpsProxies/p"},
		{"v1.compute.globalForwardingRules.setTarget", "projects/demo-project/global/forwardingRules/f", nil,
			"routing-changed|demo-project|global|||projects/demo-project/global/forwardingRules/f"},
		{"v1.compute.forwardingRules.delete", "projects/demo-project/regions/us-central1/forwardingRules/f", nil,
			"routing-changed|demo-project|us-central1|||projects/demo-project/regions/us-central1/forwardingRules/f"},
		{"v1.compute.backendServices.get", "projects/demo-project/global/backendServices/web", nil, "read-call"},
		{"v1.compute.backendServices.aggregatedList", "projects/demo-project/global/backendServices", nil, "read-call"},
		{"v1.compute.urlMaps.validate", "projects/demo-project/global/urlMaps/m", nil, "read-call"},
		{"v1.compute.urlMaps.invalidateCache", "projects/demo-project/global/urlMaps/m", nil, "unrelated"},
		{"v1.compute.networkEndpointGroups.attachNetworkEndpoints",
			"projects/demo-project/zones/us-central1-a/networkEndpointGroups/n", nil, "other-service"},
		{"v1.compute.instances.insert", "projects/demo-project/zones/us-central1-a/instances/i", nil, "other-service"},
		{"v1.compute.backendServices.patch", "projects/demo-project/global/urlMaps/m", nil, "unreadable"},
		{"v1.compute.backendServices.patch", "projects/demo-project/global/backendServices/..", nil, "unreadable"},
		{"v1.compute.backendServices.patch", "projects/demo-project/global/backendServices/web",
			map[string]any{"project_id": "demo-project", "location": "us-central1"}, "unreadable"},
		{"v1.compute.regionBackendServices.patch", "projects/demo-project/backendServices/web", nil, "unreadable"},
		{"v1.compute.urlMaps.patch", "", nil, "unreadable"},
	} {
		more := edits{}
		if tc.labels != nil {
			more["resource.labels"] = tc.labels
		}
		r := one(t, audited(t, "compute.googleapis.com", tc.method, tc.resource, more), Self{})
		if got := outcome(r); got != tc.want {
			t.Errorf("%s of %s: %s (%s), want %s", tc.method, tc.resource, got, r.Why, tc.want)
		}
	}
}

func TestOnlyTheLastHalfOfAnOperationCounts(t *testing.T) {
	first := audited(t, "compute.googleapis.com", "v1.compute.backendServices.patch",
		"projects/demo-project/global/backendServices/web", edits{"operation": map[string]any{"id": "o", "first": true}})
	last := audited(t, "compute.googleapis.com", "v1.compute.backendServices.patch",
		"projects/demo-project/global/backendServices/web", edits{"operation": map[string]any{"id": "o", "last": true},
			"protoPayload.request": nil, "timestamp": "2026-03-01T10:00:09Z"})
	for _, order := range [][][]byte{{first, last}, {last, first}} {
		counted := 0
		for _, body := range order {
			if r := one(t, body, Self{}); r.Cause != nil {
				counted++
			} else if r.Ignored != FirstHalf {
				t.Errorf("ignored %q, want %q", r.Ignored, FirstHalf)
			}
		}
		if counted != 1 {
			t.Errorf("%d of the two count, want 1", counted)
		}
	}
}

func TestIAPMethodsOnEveryResourceName(t *testing.T) {
	const v1, beta = "google.cloud.iap.v1.IdentityAwareProxyAdminService.", "google.cloud.iap.v1beta1.IdentityAwareProxyAdminV1Beta1."
	for _, tc := range []struct{ method, resource, want string }{
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web",
			"iap-policy-changed|demo-project||||projects/123456789012/iap_web"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/compute",
			"iap-policy-changed|demo-project|global|||projects/123456789012/iap_web/compute"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/compute/services/7312383563505470445",
			"iap-policy-changed|demo-project|global||7312383563505470445|projects/123456789012/iap_web/compute/services/7312383563505470445"},
		{beta + "SetIamPolicy", "projects/demo-project/iap_web/compute/services/web",
			"iap-policy-changed|demo-project|global||web|projects/demo-project/iap_web/compute/services/web"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/compute-europe-west1/services/web",
			"iap-policy-changed|demo-project|europe-west1||web|projects/123456789012/iap_web/compute-europe-west1/services/web"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/cloud_run-us-central1/services/hello",
			"iap-policy-changed|demo-project|us-central1|hello||projects/123456789012/iap_web/cloud_run-us-central1/services/hello"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/forwarding_rule/services/f",
			"iap-policy-changed|demo-project|global|||projects/123456789012/iap_web/forwarding_rule/services/f"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/forwarding_rule-us-central1/services/f",
			"iap-policy-changed|demo-project|us-central1|||projects/123456789012/iap_web/forwarding_rule-us-central1/services/f"},
		{v1 + "UpdateIapSettings", "projects/123456789012/iap_web/compute/services/1",
			"iap-settings-changed|demo-project|global||1|projects/123456789012/iap_web/compute/services/1"},
		{v1 + "UpdateIapSettings", "organizations/1", "iap-settings-changed|||||organizations/1"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/appengine-demo-project/services/default", "other-service"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_tunnel", "other-service"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/compute/services/../../x", "unreadable"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/compute-nowhere!/services/web", "unreadable"},
		{v1 + "SetIamPolicy", "projects/123456789012/iap_web/new_kind/services/web", "unreadable"},
		{v1 + "SetIamPolicy", "", "unreadable"},
		{v1 + "GetIamPolicy", "projects/123456789012/iap_web", "read-call"},
		{"AuthorizeUser", "1234567890", "unrelated"},
		{v1 + "CreateTunnelDestGroup", "projects/1/iap_tunnel/locations/x/destGroups/y", "other-service"},
	} {
		r := one(t, audited(t, "iap.googleapis.com", tc.method, tc.resource, nil), Self{})
		if got := outcome(r); got != tc.want {
			t.Errorf("%s of %s: %s (%s), want %s", tc.method, tc.resource, got, r.Why, tc.want)
		}
	}
}

func TestOnlyDisablingIAPIsACause(t *testing.T) {
	const service, disable = "serviceusage.googleapis.com", "google.api.serviceusage.v1.ServiceUsage.DisableService"
	named := func(api string) edits {
		return edits{"protoPayload.request": map[string]any{"name": "projects/123456789012/services/" + api}}
	}
	for _, tc := range []struct {
		name, method string
		more         edits
		ignored      Reason
	}{
		{"in the request", disable, named("iap.googleapis.com"), ""},
		{"in the resource name", disable,
			edits{"protoPayload.resourceName": "projects/123456789012/services/iap.googleapis.com"}, ""},
		{"in the permissions alone", disable,
			edits{
				"protoPayload.authorizationInfo": []any{
					map[string]any{"resource": "projects/123456789012/services/iap.googleapis.com"}}}, ""},
		{"the first half", disable,
			edits{"protoPayload.request": map[string]any{"name": "projects/1/services/iap.googleapis.com"},
				"operation": map[string]any{"first": true}}, FirstHalf},
		{"another API", disable, named("run.googleapis.com"), Unrelated},
		{"an API that ends alike", disable, named("xiap.googleapis.com"), Unrelated},
		{"no API", disable, nil, Unreadable},
		{"enabling", "google.api.serviceusage.v1.ServiceUsage.EnableService", named("iap.googleapis.com"), Unrelated},
		{"reading", "google.api.serviceusage.v1.ServiceUsage.GetService", named("iap.googleapis.com"), ReadCall},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := one(t, audited(t, service, tc.method, "", tc.more), Self{})
			if r.Ignored != tc.ignored || tc.ignored == "" && about(r.Cause) != "api-disabled|demo-project||||" {
				t.Errorf("%s ignored %q (%s), want %q", about(&r.Seen), r.Ignored, r.Why, tc.ignored)
			}
		})
	}
}

func TestProjectPoliciesCountOnlyForInvokers(t *testing.T) {
	const agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	deltas := func(role, member string) edits {
		return edits{
			"protoPayload.serviceData": map[string]any{
				"policyDelta": map[string]any{"bindingDeltas": []any{map[string]any{"action": "REMOVE", "role": role,
					"member": member}}}}}
	}
	policy := func(role, member string) edits {
		return edits{
			"protoPayload.request": map[string]any{
				"policy": map[string]any{"bindings": []any{map[string]any{"role": role, "members": []any{member}}}}}}
	}
	both := deltas("roles/viewer", "user:a@example.com")
	both["protoPayload.request"] = policy("roles/run.invoker", "allUsers")["protoPayload.request"]
	for _, tc := range []struct {
		name, resource string
		more           edits
		ignored        Reason
	}{
		{"the accessor role is removed", "projects/demo-project", deltas("roles/iap.httpsResourceAccessor", "group:a@example.com"), ""},
		{"the invoker role is removed", "projects/demo-project", deltas("roles/run.invoker", "allUsers"), ""},
		{"the agent loses another role", "projects/demo-project", deltas("roles/viewer", agent), ""},
		{"the invoker role is written", "projects/demo-project", policy("roles/run.invoker", "allUsers"), ""},
		{"the agent is written", "projects/demo-project", policy("roles/viewer", agent), ""},
		{"another role", "projects/demo-project", deltas("roles/viewer", "user:a@example.com"), Unrelated},
		{"another role, though the policy has invokers", "projects/demo-project", both, Unrelated},
		{"nothing is said", "projects/demo-project", nil, Unrelated},
		{"a folder", "folders/123", deltas("roles/run.invoker", "domain:gmail.com"), ""},
		{"an organisation", "organizations/123", policy("roles/iap.httpsResourceAccessor", "domain:gmail.com"), ""},
		{"another role of a folder", "folders/123", deltas("roles/viewer", "user:a@example.com"), Unrelated},
		{"a folder whose name is none", "folders/x", deltas("roles/run.invoker", "user:a@example.com"), Unreadable},
		{"another project in the name", "projects/other-project", deltas("roles/run.invoker", "allUsers"), Unreadable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, method := range []string{"SetIamPolicy", "google.cloud.resourcemanager.v3.Projects.SetIamPolicy"} {
				r := one(t, audited(t, "cloudresourcemanager.googleapis.com", method, tc.resource, tc.more), Self{})
				want := "project-iam-changed|demo-project||||"
				if !strings.HasPrefix(tc.resource, "projects/") {
					want = "project-iam-changed|||||" + tc.resource
				}
				if r.Ignored != tc.ignored || tc.ignored == "" && about(r.Cause) != want {
					t.Errorf("%s ignored %q (%s), want %q", about(&r.Seen), r.Ignored, r.Why, tc.ignored)
				}
			}
		})
	}
}

func TestTheTableHasEveryKindAndReason(t *testing.T) {
	var kinds []Kind
	for _, row := range Understood() {
		if (row.Kind == "") == (row.Ignored == "") || row.Source == "" || (row.Service == "") != (len(row.Methods) == 0) {
			t.Errorf("row is not whole: %+v", row)
		}
		kinds = append(kinds, row.Kind)
	}
	for _, kind := range []Kind{RunServiceChanged, RunServiceReady, RunServiceDeleted, RunIAMChanged, RunRequestDenied,
		BackendServiceChanged, RoutingChanged,
		IAPPolicyChanged, IAPSettingsChanged, LBRequestDeniedByIAP, APIDisabled, ProjectIAMChanged, Alert, FindingReported,
		CommandReceived} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("no row leads to %s", kind)
		}
		if _, ok := identities[kind]; !ok && slices.ContainsFunc(methods, func(r Row) bool { return r.Kind == kind }) {
			t.Errorf("nothing finds the identity of %s", kind)
		}
	}
}
