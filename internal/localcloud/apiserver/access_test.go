package apiserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const service = "projects/demo-project/locations/us-central1/services/hello"

func binding(role string, members ...any) map[string]any {
	return map[string]any{"role": role, "members": members}
}

func conditional(role, expression string, members ...any) map[string]any {
	b := binding(role, members...)
	b["condition"] = map[string]any{"title": "t", "expression": expression}
	return b
}

func TestAccessComesFromTheResourceAndFromWhatIsAboveIt(t *testing.T) {
	s := New(Options{Clock: clock, Roles: []Role{
		{Name: "projects/demo-project/roles/own", Permissions: []string{"run.services.get"}}}})
	const backend = "projects/123456789012/iap_web/compute/services/1"
	s.SeedPolicy("projects/demo-project", []any{
		binding("roles/run.viewer", "user:viewer@example.com", "domain:corp.example.com"),
		binding("projects/demo-project/roles/own", "serviceAccount:own@p.iam.gserviceaccount.com"),
		binding("projects/demo-project/roles/gone", "user:gone@example.com"),
		binding("roles/editor", "user:editor@example.com"),
		conditional("roles/run.admin", `resource.name.startsWith("projects/demo-project/locations/us-central1/")`,
			"user:here@example.com"),
		conditional("roles/run.admin", `request.time < timestamp("2024-04-11T15:52:31Z")`, "user:past@example.com"),
		conditional("roles/run.admin", `!!nonsense(`, "user:nonsense@example.com"),
	})
	s.SeedPolicy(service, []any{binding("roles/run.invoker", "allUsers"),
		binding("roles/run.admin", "user:own@example.com")})
	s.SeedPolicy("projects/123456789012/iap_web", []any{
		binding("roles/iap.httpsResourceAccessor", "user:alice@example.com"),
		binding("roles/run.viewer", "allAuthenticatedUsers"),
	})
	for _, tc := range []struct {
		name string
		who  Principal
		what string
		on   string
		want bool
	}{
		{"the owner, by the organisation", Owner, "run.services.setIamPolicy", service, true},
		{"the owner does not pass IAP", Owner, "iap.webServiceVersions.accessViaIAP", backend, false},
		{"a role on the project", "user:viewer@example.com", "run.services.get", service, true},
		{"… allows only what it allows", "user:viewer@example.com", "run.services.update", service, false},
		{"a domain", "user:zoe@corp.example.com", "run.services.get", service, true},
		{"… is not a domain of accounts", "serviceAccount:x@corp.example.com", "run.services.get", service, false},
		{"a custom role", "serviceAccount:own@p.iam.gserviceaccount.com", "run.services.get", service, true},
		{"… allows nothing else", "serviceAccount:own@p.iam.gserviceaccount.com", "run.services.list", service, false},
		{"a custom role that is gone", "user:gone@example.com", "run.services.get", service, false},
		{"a role on the service", "user:own@example.com", "run.services.update", service, true},
		{"… holds for no other", "user:own@example.com", "run.services.update", service + "2", false},
		{"everybody invokes", "", "run.routes.invoke", service, true},
		{"nobody reads", "", "run.services.get", service, false},
		{"a stranger", "user:stranger@example.com", "run.services.get", service, false},
		{"an accessor of everything behind IAP", "user:alice@example.com", "iap.webServiceVersions.accessViaIAP",
			backend, true},
		{"everybody who has signed in", "user:stranger@example.com", "run.services.get", backend, true},
		{"somebody who has not signed in", "", "run.services.get", backend, false},
		{"an editor deploys", "user:editor@example.com", "run.services.create", service, true},
		{"an editor acts as accounts", "user:editor@example.com", "iam.serviceAccounts.actAs",
			"projects/demo-project/serviceAccounts/a@b.com", true},
		{"an editor makes nothing public", "user:editor@example.com", "run.services.setIamPolicy", service, false},
		{"a condition on the name that holds", "user:here@example.com", "run.services.get", service, true},
		{"a condition on the name that does not", "user:here@example.com", "run.services.get",
			"projects/demo-project/locations/europe-west1/services/hello", false},
		{"a time that is over", "user:past@example.com", "run.services.get", service, false},
		{"a condition that nobody understands", "user:nonsense@example.com", "run.services.get", service, false},
	} {
		if got := s.Allowed(Access{Principal: tc.who, Permission: tc.what, Resource: tc.on}); got != tc.want {
			t.Errorf("%s: %s %s on %s: %t, want %t", tc.name, tc.who, tc.what, tc.on, got, tc.want)
		}
	}
}

func TestAPolicyIsReadAtOnceAndTakesEffectLater(t *testing.T) {
	now := clock()
	s := New(Options{Clock: func() time.Time { return now }, IAMPropagation: 2 * time.Minute})
	asked := Access{Principal: "user:alice@example.com", Permission: "run.services.get", Resource: service}
	write := func(bindings ...any) {
		if _, _, err := s.setPolicy(service, map[string]any{"bindings": bindings}, ""); err != nil {
			t.Fatal(err)
		}
	}
	write(binding("roles/run.viewer", "user:alice@example.com"))
	if len(List(s.Policy(service), "bindings")) != 1 {
		t.Errorf("the policy reads %v", s.Policy(service))
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		do    func()
		want  bool
	}{
		{"granted just now", 0, nil, false},
		{"shortly before the delay is over", 2*time.Minute - time.Second, nil, false},
		{"after the delay", time.Second, nil, true},
		{"revoked just now", 0, func() { write() }, true},
		{"revoked for long", 2 * time.Minute, nil, false},
	} {
		now = now.Add(step.after)
		if step.do != nil {
			step.do()
		}
		if got := s.Allowed(asked); got != step.want {
			t.Errorf("%s: %t, want %t", step.name, got, step.want)
		}
	}
}

func TestAMissingPermissionIsRefusedInTheWordsOfTheAPIAndLogged(t *testing.T) {
	const who = "user:stranger@example.com"
	for _, tc := range []struct{ api, message, named string }{
		{"run", "Permission 'x.things.make' denied on resource '//run.googleapis.com/projects/demo-project/things' (or it may not exist).", "x.things.make"},
		{"compute", "Required 'x.things.make' permission for 'projects/demo-project/things'", ""},
		{"cloudresourcemanager", "The caller does not have permission", ""},
	} {
		var records []AuditRecord
		s := New(Options{Clock: clock, Audit: func(r AuditRecord) { records = append(records, r) }})
		t.Cleanup(s.Close)
		s.Serve(API{Name: tc.api, Routes: []Route{{
			Verb: "POST", Path: "/v1/projects/{project}/things", API: tc.api, ID: tc.api + ".things.make",
			Permission: "x.things.make",
			Write:      true, AuditMethod: "things.make",
			Handle: func(*Call) (any, error) { t.Error("the handler was called"); return nil, nil },
		}}})
		w := do(s, "POST", "/v1/projects/demo-project/things", "{}", "Authorization", "Bearer "+who)
		e := Object(decode(t, w), "error")
		if w.Code != 403 || Text(e, "message") != tc.message {
			t.Errorf("%s: %d %q, want 403 %q", tc.api, w.Code, Text(e, "message"), tc.message)
		}
		named := ""
		for _, detail := range List(e, "details") {
			named = Text(Object(detail.(map[string]any), "metadata"), "permission")
		}
		if named != tc.named {
			t.Errorf("%s: the details name %q, want %q", tc.api, named, tc.named)
		}
		want := []Authorization{{"x.things.make", "projects/demo-project/things", false}}
		if len(records) != 1 || records[0].Status == nil || records[0].Status.Code != 7 {
			t.Fatalf("%s: records %+v, want one with status 7", tc.api, records)
		}
		if diff := cmp.Diff(want, records[0].Authorization); diff != "" {
			t.Errorf("%s: authorization (-want +got):\n%s", tc.api, diff)
		}
	}
}

func TestTestIamPermissionsAnswersWhatTheCallerHas(t *testing.T) {
	s := serveFruits(t, Options{}, func(c *Call) (any, error) { return c.TestIamPermissions(service) })
	w := do(s, "POST", "/v1/projects/demo-project/fruits",
		`{"permissions":["run.services.get","iap.webServiceVersions.accessViaIAP"]}`)
	if diff := cmp.Diff(map[string]any{"permissions": []any{"run.services.get"}}, decode(t, w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := do(s, "POST", "/v1/projects/demo-project/fruits", `{"permissions":["run.*"]}`); w.Code != 400 {
		t.Errorf("a wildcard is answered %d, want 400", w.Code)
	}
}

func TestRolesHoldWhatGoogleDocuments(t *testing.T) {
	s := New(Options{Clock: clock})
	for _, tc := range []struct{ role, has, lacks string }{
		{"roles/owner", "resourcemanager.projects.setIamPolicy", "iap.webServiceVersions.accessViaIAP"},
		{"roles/editor", "compute.backendServices.update", "iap.webServices.getIamPolicy"},
		{"roles/viewer", "run.services.getIamPolicy", "run.routes.invoke"},
		{"roles/viewer", "run.domainmappings.list", "run.domainmappings.delete"},
		{"roles/viewer", "eventarc.triggers.list", "eventarc.triggers.update"},
		{"roles/viewer", "cloudscheduler.jobs.list", "cloudscheduler.jobs.run"},
		{"roles/viewer", "pubsub.subscriptions.list", "pubsub.topics.publish"},
		{"roles/viewer", "secretmanager.versions.list", "secretmanager.versions.access"},
		{"roles/run.admin", "run.services.setIamPolicy", "iam.serviceAccounts.actAs"},
		{"roles/run.developer", "run.services.update", "run.services.setIamPolicy"},
		{"roles/run.viewer", "run.services.list", "run.services.update"},
		{"roles/run.invoker", "run.routes.invoke", "run.services.get"},
		{"roles/run.servicesInvoker", "run.routes.invoke", "run.services.get"},
		{"roles/compute.admin", "compute.regions.list", "run.services.get"},
		{"roles/compute.loadBalancerAdmin", "compute.sslCertificates.create", "compute.regions.list"},
		{"roles/compute.networkAdmin", "compute.backendServices.update", "compute.sslCertificates.create"},
		{"roles/compute.viewer", "compute.urlMaps.list", "compute.urlMaps.update"},
		{"roles/iap.admin", "iap.webServices.setIamPolicy", "iap.webServices.getSettings"},
		{"roles/iap.settingsAdmin", "iap.web.updateSettings", "iap.web.setIamPolicy"},
		{"roles/iap.httpsResourceAccessor", "iap.webServiceVersions.accessViaIAP", "iap.web.getIamPolicy"},
		{"roles/serviceusage.serviceUsageAdmin", "serviceusage.services.enable", "resourcemanager.projects.get"},
		{"roles/resourcemanager.projectIamAdmin", "resourcemanager.projects.setIamPolicy", "run.services.setIamPolicy"},
		{"roles/logging.admin", "logging.sinks.create", "run.services.get"},
		{"roles/logging.viewer", "logging.logEntries.list", "logging.sinks.create"},
		{"roles/iam.serviceAccountUser", "iam.serviceAccounts.actAs", "iam.roles.create"},
		{"roles/iam.serviceAccountTokenCreator", "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.actAs"},
		{"roles/owner", "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken"},
		{"roles/editor", "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken"},
		{"roles/iam.securityReviewer", "iap.web.getIamPolicy", "run.services.get"},
		{"roles/nobody.knows", "", "run.services.get"},
	} {
		if tc.has != "" && !s.permits(tc.role, tc.has) {
			t.Errorf("%s lacks %s", tc.role, tc.has)
		}
		if s.permits(tc.role, tc.lacks) {
			t.Errorf("%s has %s", tc.role, tc.lacks)
		}
	}
	for name, role := range predefined {
		if role.source == "" || role.permissions == "" {
			t.Errorf("%s: nobody says what it allows", name)
		}
	}
}
