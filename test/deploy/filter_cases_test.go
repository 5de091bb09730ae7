package deploy

import "strings"

// hard is an entry that tests the filters: its source, its edits, and whether the
// function acts on it.
type hard struct {
	name string
	base string
	edit map[string]any // by path, "/" between names
	acts bool
}

// Entries in the shapes that Google writes; edits make the hard cases of them.
const (
	deployed = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},
		"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","status":{},"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Services.UpdateService",
		"resourceName":"projects/demo-project/locations/us-central1/services/hello","authenticationInfo":{"principalEmail":"dev@example.com"},
		"requestMetadata":{"callerSuppliedUserAgent":"gcloud/583,gzip(gfe)"}}}`
	balanced = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"gce_backend_service","labels":{"project_id":"demo-project","location":"global","backend_service_id":"1"}},"operation":{"id":"o","last":true},
		"protoPayload":{"serviceName":"compute.googleapis.com","methodName":"v1.compute.backendServices.patch","resourceName":"projects/demo-project/global/backendServices/hello-backend",
		"authenticationInfo":{"principalEmail":"dev@example.com"}}}`
	granted = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"project","labels":{"project_id":"demo-project"}},
		"protoPayload":{"serviceName":"cloudresourcemanager.googleapis.com","methodName":"SetIamPolicy","resourceName":"projects/demo-project",
		"serviceData":{"@type":"type.googleapis.com/google.iam.v1.logging.AuditData","policyDelta":{"bindingDeltas":[
			{"action":"ADD","role":"roles/viewer","member":"user:a@example.com"},{"action":"ADD","role":"roles/run.invoker","member":"allUsers"}]}}}}`
	accessed = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"gce_backend_service","labels":{"project_id":"demo-project","location":"","backend_service_id":""}},
		"protoPayload":{"serviceName":"iap.googleapis.com","methodName":"google.cloud.iap.v1.IdentityAwareProxyAdminService.SetIamPolicy",
		"resourceName":"projects/123456789012/iap_web/compute/services/7312383563505470445"}}`
	authorized = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"audited_resource","labels":{"project_id":"demo-project"}},"operation":{"id":"o","last":true},
		"protoPayload":{"serviceName":"networksecurity.googleapis.com","methodName":"google.cloud.networksecurity.v1.NetworkSecurity.CreateAuthzPolicy",
		"resourceName":"projects/demo-project/locations/global/authzPolicies/iap"}}`
	role = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"iam_role","labels":{"project_id":"demo-project","role_name":"projects/demo-project/roles/invokers"}},
		"protoPayload":{"serviceName":"iam.googleapis.com","methodName":"google.iam.admin.v1.UpdateRole",
		"resourceName":"projects/demo-project/roles/invokers"}}`
	disabled = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-11-23T12:00:00Z","severity":"NOTICE",
		"resource":{"type":"audited_resource","labels":{"project_id":"demo-project","service":"serviceusage.googleapis.com"}},"operation":{"id":"o","last":true},
		"protoPayload":{"serviceName":"serviceusage.googleapis.com","methodName":"google.api.serviceusage.v1.ServiceUsage.DisableService",
		"resourceName":"projects/123456789012/services/iap.googleapis.com"}}`
	ready = `{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Fsystem_event","timestamp":"2026-11-23T12:00:00Z","severity":"INFO",
		"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello"}},
		"protoPayload":{"status":{"message":"Ready condition status changed to True for Service hello."},"serviceName":"run.googleapis.com","methodName":"/Services.ReplaceService",
		"resourceName":"namespaces/demo-project/services/hello"}}`
	beat = `{"insertId":"1","logName":"projects/demo-project/logs/iapguard-heartbeat","timestamp":"2026-11-23T12:00:00Z",
		"resource":{"type":"global","labels":{"project_id":"demo-project"}},"jsonPayload":{"iapguard":"heartbeat","nonce":"1.a"}}`
	refused = `{"insertId":"1","logName":"projects/demo-project/logs/run.googleapis.com%2Frequests","timestamp":"2026-11-23T12:00:00Z","severity":"WARNING",
		"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"hello","revision_name":"hello-1"}},
		"httpRequest":{"status":403,"requestUrl":"https://hello.example.com/a","requestMethod":"GET"},
		"textPayload":"The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization header."}`
	turnedAway = `{"insertId":"1","logName":"projects/demo-project/logs/requests","timestamp":"2026-11-23T12:00:00Z","severity":"INFO",
		"resource":{"type":"http_load_balancer","labels":{"project_id":"demo-project","zone":"global","backend_service_name":"hello-backend"}},
		"httpRequest":{"status":403,"requestUrl":"https://hello.example.com/a"},"jsonPayload":{"statusDetails":"handled_by_identity_aware_proxy"}}`
)

// Paths that many cases edit.
const (
	method    = "protoPayload/methodName"
	service   = "protoPayload/serviceName"
	named     = "protoPayload/resourceName"
	principal = "protoPayload/authenticationInfo/principalEmail"
	agent     = "protoPayload/requestMetadata/callerSuppliedUserAgent"
	deltas    = "protoPayload/serviceData/policyDelta/bindingDeltas"
	bindings  = "protoPayload/request/policy/bindings"
	logName   = "logName"
)

type edit = map[string]any

type list = []any

func binding(role string, members ...any) any { return edit{"role": role, "members": members} }

const iapAgent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"

var hardCases = []hard{
	{"a deployment", deployed, nil, true},
	{"our own agent after a control character", deployed, edit{principal: own, agent: "x\tiapguard/1"}, true},
	{"by gcloud", deployed, edit{method: "google.cloud.run.v1.Services.ReplaceService"}, true},
	{"a verb of tomorrow", deployed, edit{method: "google.cloud.run.v3.Services.PatchService"}, true},
	{"by Cloud Functions", deployed,
		edit{method: "google.cloud.serverless.internal.InternalServices.ReplaceInternalService"}, true},
	{"a deleted service", deployed, edit{method: "google.cloud.run.v1.Services.DeleteService"}, true},
	{"a service's policy", deployed, edit{method: "google.cloud.run.v1.Services.SetIamPolicy"}, true},
	{"a read", deployed, edit{method: "google.cloud.run.v2.Services.GetService"}, false},
	{"a read in the Data Access log", deployed, edit{method: "google.cloud.run.v2.Services.ListServices",
		logName: "projects/demo-project/logs/cloudaudit.googleapis.com%2Fdata_access"}, false},
	{"a change in a log of tomorrow", deployed, edit{
		logName: "projects/demo-project/logs/cloudaudit.googleapis.com%2Fchange"}, true},
	{"a permission that is tried out", deployed, edit{method: "google.cloud.run.v1.Services.TestIamPermissions"}, false},
	{"a job", deployed, edit{method: "google.cloud.run.v1.Jobs.ReplaceJob"}, false},
	{"a collection that only ends like one", deployed,
		edit{method: "google.cloud.run.v1.MyServices.ReplaceService"}, false},
	{"a verb that only looks like a collection", deployed,
		edit{method: "google.cloud.run.v1.Services.v2.ReplaceService"}, false},
	{"a method in other letters", deployed, edit{method: "google.cloud.run.v2.services.UpdateService"}, false},
	{"a revision that is deleted", deployed, edit{method: "google.cloud.run.v1.Revisions.DeleteRevision"}, false},
	{"a domain that is mapped", deployed, edit{method: "google.cloud.run.v1.DomainMappings.CreateDomainMapping",
		named: "namespaces/demo-project/domainmappings/x.example.com",
		"protoPayload/request/domainMapping/spec/routeName": "hello"}, true},
	{"a domain that is taken away", deployed, edit{
		method: "google.cloud.run.v1.DomainMappings.DeleteDomainMapping"}, false},
	{"another service", deployed, edit{service: "appengine.googleapis.com"}, false},
	{"no payload", deployed, edit{"protoPayload": nil,
		"textPayload": "google.cloud.run.v2.Services.UpdateService of run.googleapis.com"}, false},
	{"an audit payload in a container's log", deployed,
		edit{logName: "projects/demo-project/logs/run.googleapis.com%2Fstdout"}, false},
	{"a log that only contains the name", deployed,
		edit{logName: "projects/demo-project/logs/x%2Fcloudaudit.googleapis.com%2Factivity"}, false},
	{"a log that only begins with the name", deployed,
		edit{logName: "projects/demo-project/logs/cloudaudit.googleapis.com.example%2Factivity"}, false},
	{"a project's entry in an organisation's sink", deployed,
		edit{logName: "projects/other-project/logs/cloudaudit.googleapis.com%2Factivity",
			named:                        "projects/other-project/locations/us-central1/services/hello",
			"resource/labels/project_id": "other-project"}, true},

	{"failed", deployed, edit{"protoPayload/status": edit{"code": 7, "message": "PERMISSION_DENIED"},
		"severity": "ERROR"}, false},
	{"failed, the code as text", deployed, edit{"protoPayload/status": edit{"code": "7"}}, false},
	{"a code of nought", deployed, edit{"protoPayload/status": edit{"code": 0}}, true},
	{"a status with words alone", deployed, edit{"protoPayload/status": edit{"message": "fine"}}, true},
	{"no status", deployed, edit{"protoPayload/status": nil}, true},
	{"no status, and an error", deployed, edit{"protoPayload/status": nil, "severity": "ERROR"}, false},
	{"no status, and an emergency", deployed, edit{"protoPayload/status": nil, "severity": "EMERGENCY"}, false},
	{"no status, and a warning", deployed, edit{"protoPayload/status": nil, "severity": "WARNING"}, true},
	{"no status and no severity", deployed, edit{"protoPayload/status": nil, "severity": nil}, true},
	{"an error that has a status", deployed, edit{"severity": "ERROR"}, true},
	{"admitted, and then failed", deployed, edit{"protoPayload/status": edit{"code": 13, "message": "not ready"},
		"severity": "ERROR", "operation": edit{"id": "o", "last": true}}, true},
	{"admitted, and then refused", deployed, edit{"protoPayload/status": edit{"code": 7},
		"operation": edit{"id": "o", "last": true}}, false},
	{"failed at once", deployed, edit{"protoPayload/status": edit{"code": 13},
		"operation": edit{"id": "o", "first": true, "last": true}}, false},
	{"failed without an operation", deployed, edit{"protoPayload/status": edit{"code": 13}}, false},
	{"a backend service that failed in the end", balanced, edit{"protoPayload/status": edit{"code": 13}}, false},
	{"an instance", deployed, edit{method: "google.cloud.run.v2.Instances.UpdateInstance",
		named: "projects/demo-project/locations/us-central1/instances/box"}, true},
	{"an instance's policy", deployed, edit{method: "google.cloud.run.v2.Instances.SetIamPolicy",
		named: "projects/demo-project/locations/us-central1/instances/box"}, true},
	{"an instance that is read", deployed, edit{method: "google.cloud.run.v2.Instances.GetInstance"}, false},
	{"an authorization policy", authorized, nil, true},
	{"one of an older kind", authorized, edit{method: "google.cloud.networksecurity.v1.NetworkSecurity.CreateAuthorizationPolicy"},
		false},
	{"a custom role", role, nil, true},
	{"a custom role that is made", role, edit{method: "google.iam.admin.v1.CreateRole"}, false},
	{"an organisation's role", role, edit{named: "organizations/9/roles/invokers"}, true},
	{"a service account's key", role, edit{method: "google.iam.admin.v1.CreateServiceAccountKey"}, false},
	{"IAP's settings of the project", accessed, edit{named: "projects/123456789012",
		method: "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings"}, true},
	{"IAP's settings of everything in it", accessed, edit{named: "projects/123456789012/iap_web",
		method: "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings"}, true},
	{"IAP's settings of a forwarding rule", accessed, edit{named: "projects/123456789012/iap_web/forwarding_rule/services/7",
		method: "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings"}, true},
	{"IAP's settings of a folder", accessed, edit{named: "folders/7",
		method: "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings"}, true},
	{"IAP's policy of the project, which there is none of", accessed, edit{named: "projects/123456789012"}, false},
	{"denied by a perimeter", deployed,
		edit{logName: "projects/demo-project/logs/cloudaudit.googleapis.com%2Fpolicy"}, false},

	{"our own write", deployed, edit{principal: own, agent: "google-api-go-client/0.5 iapguard/1.2,gzip(gfe)"}, false},
	{"our own write, the account in other letters", deployed,
		edit{principal: strings.ToUpper(own), agent: "iapguard/1.2"}, false},
	{"our own write as the other account", deployed, edit{principal: writer, agent: "(iapguard/1.2)"}, false},
	{"our account, somebody else's program", deployed, edit{principal: own, agent: "gcloud/583"}, true},
	{"our account, no program", deployed, edit{principal: own, agent: nil}, true},
	{"our account, a program that ends like ours", deployed, edit{principal: own, agent: "myiapguard/1.2"}, true},
	{"our account, a program that begins like ours", deployed, edit{principal: own, agent: "iapguardian/1.2"}, true},
	{"our account, our program in other letters", deployed, edit{principal: own, agent: "IAPguard/1.2"}, true},
	{"our program, somebody else's account", deployed, edit{principal: "dev@example.com", agent: "iapguard/1.2"}, true},
	{"our program, an account that contains ours", deployed, edit{principal: "x" + own, agent: "iapguard/1.2"}, true},
	{"our program and nobody's account", deployed,
		edit{"protoPayload/authenticationInfo": nil, agent: "iapguard/1.2"}, true},

	{"a first half", balanced, edit{"operation": edit{"id": "o", "first": true}}, false},
	{"a first half that says it is not the last", balanced,
		edit{"operation": edit{"id": "o", "first": true, "last": false}}, false},
	{"first and last at once", balanced, edit{"operation": edit{"id": "o", "first": true, "last": true}}, true},
	{"neither first nor last", balanced, edit{"operation": edit{"id": "o"}}, true},
	{"no operation", balanced, edit{"operation": nil}, true},
	{"a last half", balanced, nil, true},
	{"beta, regional", balanced, edit{method: "beta.compute.regionBackendServices.update",
		named:                      "projects/demo-project/regions/us-central1/backendServices/b",
		"resource/labels/location": "us-central1"}, true},
	{"alpha", balanced, edit{method: "alpha.compute.backendServices.insert"}, true},
	{"a read of Compute", balanced, edit{method: "v1.compute.backendServices.getHealth"}, false},
	{"a list of Compute", balanced, edit{method: "v1.compute.backendServices.aggregatedList"}, false},
	{"labels", balanced, edit{method: "v1.compute.globalForwardingRules.setLabels"}, false},
	{"a URL map", balanced, edit{method: "v1.compute.urlMaps.update",
		named: "projects/demo-project/global/urlMaps/m"}, true},
	{"a URL map's cache", balanced, edit{method: "v1.compute.urlMaps.invalidateCache",
		named: "projects/demo-project/global/urlMaps/m"}, false},
	{"a backend bucket", balanced, edit{method: "v1.compute.backendBuckets.insert"}, false},
	{"an instance", balanced, edit{method: "v1.compute.instances.insert"}, false},
	{"a NEG of instances", balanced, edit{method: "v1.compute.networkEndpointGroups.insert"}, false},

	{"ready", ready, nil, true},
	{"ready, of a function", ready, edit{method: "/InternalServices.ReplaceInternalService"}, true},
	{"ready, about a revision", ready, edit{named: "namespaces/demo-project/revisions/hello-00001-abc"}, true},
	{"not ready", ready, edit{"protoPayload/status": edit{"code": 9,
		"message": "Ready condition status changed to False for Service hello."}, "severity": "ERROR"}, false},
	{"not ready, no code", ready, edit{"protoPayload/status": edit{
		"message": "Ready condition status changed to Unknown for Service hello."}}, false},
	{"nearly ready", ready, edit{"protoPayload/status": edit{
		"message": "Ready condition status changed to Trueish for Service hello."}}, false},
	{"nearly ready, no method", ready, edit{method: nil,
		"protoPayload/status": edit{"message": "Ready condition status changed to Trueish for Service hello."}}, false},
	{"ready in other words", ready, edit{"protoPayload/status": edit{"message": "Truly done"}}, true},
	{"deleted, with the words of readiness", ready,
		edit{method: "/Services.DeleteService", "protoPayload/status": edit{
			"message": "Ready condition status changed to False for Service hello."}}, true},
	{"ready, no method", ready, edit{method: nil}, true},
	{"not ready, no method", ready, edit{method: nil,
		"protoPayload/status": edit{"message": "Ready condition status changed to False for Service hello."}}, false},
	{"no method and other words", ready, edit{method: nil, "protoPayload/status": edit{"message": "True"}}, false},
	{"a job that is ready, no method", ready, edit{method: nil, "resource/type": "cloud_run_job"}, false},
	{"a job's readiness", ready, edit{method: "/Jobs.RunJob"}, false},

	{"a public invoker of a project", granted, nil, true},
	{"the agent's grant in a project", granted, edit{
		deltas: list{edit{"action": "REMOVE", "role": "roles/viewer", "member": iapAgent}}}, true},
	{"another grant in a project", granted, edit{
		deltas: list{edit{"role": "roles/viewer", "member": "user:a@example.com"}}}, false},
	{"a role that only begins like an invoker's", granted,
		edit{deltas: list{edit{"role": "roles/run.invokerX", "member": "user:a@example.com"}}}, false},
	{"a custom role of an invoker's name", granted,
		edit{deltas: list{edit{"role": "projects/p/roles/run.invoker"}}}, false},
	{"another member of a name like the agent's", granted,
		edit{deltas: list{edit{"role": "roles/viewer", "member": iapAgent + ".example.com"}}}, false},
	{"no deltas, and an invoker in the policy", granted,
		edit{"protoPayload/serviceData": nil, bindings: list{binding("roles/viewer", "a"),
			binding("roles/run.servicesInvoker", "user:a@example.com")}}, true},
	{"no deltas, and the agent in the policy", granted,
		edit{"protoPayload/serviceData": nil, bindings: list{binding("roles/viewer", "user:a@example.com", iapAgent)}}, true},
	{"no deltas, and nobody of interest in the policy", granted,
		edit{"protoPayload/serviceData": nil, bindings: list{binding("roles/viewer", "user:a@example.com")}}, false},
	{"no deltas and no policy", granted, edit{"protoPayload/serviceData": nil}, false},
	{"other deltas, and an invoker in the policy", granted,
		edit{deltas: list{edit{"role": "roles/viewer"}}, bindings: list{binding("roles/run.invoker", "allUsers")}}, false},
	{"an organisation's grant", granted, edit{named: "organizations/1", "resource/type": "organization",
		logName: "organizations/1/logs/cloudaudit.googleapis.com%2Factivity"}, true},
	{"a folder's grant by its name alone", granted, edit{named: "folders/1"}, true},
	{"a folder's grant by its request alone", granted,
		edit{named: nil, "protoPayload/request/resource": "folders/1"}, true},
	{"another change of a project", granted, edit{method: "UpdateProject"}, false},
	{"v3", granted, edit{method: "google.cloud.resourcemanager.v3.Projects.SetIamPolicy"}, true},

	{"who has access", accessed, nil, true},
	{"who has access to everything", accessed, edit{named: "projects/1/iap_web"}, true},
	{"who has access to a region's backend services", accessed,
		edit{named: "projects/1/iap_web/compute-us-central1"}, true},
	{"who has access to a service", accessed, edit{
		named: "//iap.googleapis.com/projects/1/iap_web/cloud_run-us-central1/services/hello"}, true},
	{"who may tunnel", accessed, edit{named: "projects/1/iap_tunnel/zones/us-central1-a/instances/1"}, false},
	{"who has access to App Engine", accessed, edit{named: "projects/1/iap_web/appengine-demo/services/default"}, false},
	{"who has access to a backend service named like App Engine", accessed,
		edit{named: "projects/1/iap_web/compute/services/appengine-demo"}, true},
	{"who has access below an organisation", accessed, edit{named: "organizations/1/iap_web"}, false},
	{"the request names it", accessed, edit{named: nil,
		"protoPayload/request/resource": "projects/1/iap_web/compute/services/b"}, true},
	{"the request names a tunnel", accessed, edit{named: nil,
		"protoPayload/request/resource": "projects/1/iap_tunnel"}, false},
	{"settings in the Data Access log", accessed,
		edit{method: "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings", named: nil,
			"protoPayload/request/iapSettings/name": "projects/1/iap_web/compute/services/b",
			logName:                                 "projects/demo-project/logs/cloudaudit.googleapis.com%2Fdata_access"},
		true},
	{"an access decision", accessed, edit{method: "AuthorizeUser"}, false},
	{"who looked", accessed, edit{method: "google.cloud.iap.v1.IdentityAwareProxyAdminService.GetIamPolicy"}, false},

	{"IAP's API is disabled", disabled, nil, true},
	{"another API is disabled", disabled, edit{named: "projects/1/services/bigquery.googleapis.com"}, false},
	{"an API that ends like IAP's", disabled, edit{named: "projects/1/services/my-iap.googleapis.com"}, false},
	{"the request names the API", disabled, edit{named: nil,
		"protoPayload/request/name": "projects/1/services/iap.googleapis.com"}, true},
	{"the request says the API", disabled, edit{named: nil, service: "servicemanagement.googleapis.com",
		method:                             "google.api.servicemanagement.v1.ServiceManager.DeactivateServices",
		"protoPayload/request/serviceName": "iap.googleapis.com"}, true},
	{"the permissions name the API", disabled, edit{named: nil,
		"protoPayload/authorizationInfo": list{edit{"permission": "x"},
			edit{"resource": "projects/1/services/iap.googleapis.com"}}}, true},
	{"an API is enabled", disabled, edit{method: "google.api.serviceusage.v1.ServiceUsage.EnableService"}, false},

	{"a heartbeat", beat, nil, true},
	{"an organisation's heartbeat", beat, edit{logName: "organizations/1/logs/iapguard-heartbeat"}, true},
	{"a heartbeat in another log", beat, edit{logName: "projects/demo-project/logs/stdout"}, false},
	{"something else in its log", beat, edit{"jsonPayload": edit{"iapguard": "stop"}}, false},
	{"text in its log", beat, edit{"jsonPayload": nil, "textPayload": "heartbeat"}, false},

	{"refused by Cloud Run", refused, nil, true},
	{"refused by Cloud Run in its other words", refused,
		edit{"textPayload": "The request was not authorized to invoke this service."}, true},
	{"refused by the application", refused, edit{"textPayload": nil}, false},
	{"refused by the application in words", refused, edit{"textPayload": "not your business"}, false},
	{"a token that does not verify", refused, edit{"httpRequest/status": 401}, false},
	{"answered", refused, edit{"httpRequest/status": 200}, false},
	{"a container's line like a refusal", refused,
		edit{logName: "projects/demo-project/logs/run.googleapis.com%2Fstdout"}, false},
	{"a path like the default address", refused,
		edit{"httpRequest/requestUrl": "https://hello.example.com/x.run.app/"}, true},
	{"refused by IAP", turnedAway, nil, true},
	{"refused by a regional one", turnedAway, edit{"resource/type": "http_external_regional_lb_rule",
		logName:           "projects/demo-project/logs/loadbalancing.googleapis.com%2Fexternal_regional_requests",
		"jsonPayload":     edit{"proxyStatus": `error="http_request_denied"; details="handled_by_identity_aware_proxy"`},
		"resource/labels": edit{"project_id": "demo-project", "region": "us-central1", "backend_service_name": "b"}}, true},
	{"asked by IAP to sign in", turnedAway, edit{"httpRequest/status": 302}, false},
	{"refused by Cloud Armor", turnedAway, edit{"jsonPayload": edit{"statusDetails": "denied_by_security_policy"}}, false},
	{"refused behind the load balancer", turnedAway,
		edit{"jsonPayload": edit{"statusDetails": "response_sent_by_backend"}}, false},
	{"a load balancer of another kind", turnedAway, edit{"resource/type": "tcp_ssl_proxy_rule"}, false},
	{"of another log", turnedAway, edit{logName: "projects/demo-project/logs/stdout"}, false},
}

// differences lists every known case in which the filters differ from explain, each
// with the reason:
//
//   - unreadable: let through, and reported as rejected. Names have a grammar and
//     may contradict each other, which only a program can see.
//   - wider: let through, and ignored by the function.
//   - narrower: not let through, although the function would act.
var differences = []struct {
	hard
	how, why string
}{
	{hard{"no service is named", deployed, edit{named: nil, "resource/labels/service_name": ""}, false}, "unreadable",
		"a name may stand in many places"},
	{hard{"two services are named", deployed, edit{"resource/labels/service_name": "other"}, false}, "unreadable",
		"two fields cannot be compared"},
	{hard{"a name that can be none", deployed, edit{named: "projects/demo-project/locations/us-central1/services/../x",
		"resource/labels/service_name": nil}, false}, "unreadable",
		"a regular expression for each name would be longer than the filter"},
	{hard{"an API in other letters", deployed, edit{service: "RUN.googleapis.com"}, false}, "wider",
		"= ignores case, and Google writes no other"},
	{hard{"a heartbeat in other letters", beat, edit{"jsonPayload/iapguard": "Heartbeat"}, false}, "wider",
		"= ignores case, and nobody but us writes it"},
	{hard{"our own write by the subject alone", deployed,
		edit{"protoPayload/authenticationInfo": edit{"principalSubject": "serviceAccount:" + own}, agent: "iapguard/1"},
		false}, "wider", "own accounts are a list of e-mails, and Google always writes the e-mail of a service account"},
	{hard{"a code below nought", deployed, edit{"protoPayload/status": edit{"code": -1}}, false}, "wider",
		"!= does not hold for a missing field; google.rpc.Code has none"},
	{hard{"no permission was granted, and no status", deployed,
		edit{"protoPayload/status": nil, "protoPayload/authorizationInfo": list{edit{"granted": false}}}, false}, "wider",
		"whether = false holds for a missing field is unverified"},
	{hard{"an empty list of deltas", granted, edit{deltas: list{},
		bindings: list{binding("roles/run.invoker", "allUsers")}}, false}, "wider",
		"an empty list is there for a program, and protobuf writes none"},
	{hard{"a request that names two APIs", disabled,
		edit{named: nil, "protoPayload/request": edit{"serviceName": "bigquery.googleapis.com",
			"name": "projects/1/services/iap.googleapis.com"}}, false}, "wider", "which field counts is a program's matter"},

	{hard{"strangers at the default address", refused,
		edit{"httpRequest/requestUrl": "https://hello-123456789012.us-central1.run.app/"}, true}, "narrower",
		"wanted: anybody can be one, as often as he likes"},
	{hard{"no API is named", deployed, edit{service: nil}, true}, "narrower",
		"an audit entry always names it; files of people may not"},
	{hard{"no log is named", deployed, edit{logName: nil}, true}, "narrower",
		"an entry of Cloud Logging always has one; files of people may not"},
	{hard{"a log's name that is not escaped", deployed,
		edit{logName: "projects/demo-project/logs/cloudaudit.googleapis.com/activity"}, true}, "narrower",
		"Logging escapes it; exporters may not"},
	{hard{"our account, our program beyond what is kept of it", deployed,
		edit{principal: own, agent: strings.Repeat("x", 500) + " iapguard/1"}, true}, "narrower",
		"our own user agent is not that long"},
}
