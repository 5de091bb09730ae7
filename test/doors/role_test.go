package doors

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
)

const customRole = "projects/" + playground.Project + "/roles/visitor"

// madeRole makes the custom role with permissions.
func madeRole(permissions ...any) func(*fixture) {
	return func(o *fixture) {
		o.call("POST", "/v1/projects/"+playground.Project+"/roles", map[string]any{"roleId": "visitor",
			"role": map[string]any{"title": "Visitor", "includedPermissions": permissions}})
	}
}

func droppedRole(o *fixture) { o.call("DELETE", "/v1/"+customRole, nil) }

func disabledRole(o *fixture) {
	o.call("PATCH", "/v1/"+customRole+"?updateMask=stage", map[string]any{"stage": "DISABLED"})
}

// invoking grants a role on the service, accessing one at its IAP.
func invoking(role string, members ...any) func(*fixture) {
	return func(o *fixture) { o.setPolicy("/v2/"+o.Name(), role, members) }
}

func inOrganization(role string, members ...any) func(*fixture) {
	return func(o *fixture) { o.setPolicy("/v3/organizations/"+apiserver.OrganizationID, role, members) }
}

func accessing(role string, members ...any) func(*fixture) {
	return func(o *fixture) { o.setPolicy(o.iapResource(), role, members) }
}

func TestARoleLetsInByItsPermissions(t *testing.T) {
	const (
		invoke = "run.routes.invoke"
		pass   = "iap.webServiceVersions.accessViaIAP"
		gmail  = "user:mallory@gmail.com"
		google = "user:mallory@googlemail.com"
		robot  = "serviceAccount:robot@other.iam.gserviceaccount.com"
	)
	run := func(who string) visit { return visit{host: "run", who: who} }
	stranger, refused := visit{host: "run"}, "403 by Cloud Run"
	foreign := visit{host: "run", header: map[string]string{
		"Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3NlY3VyZXRva2VuLmdvb2dsZS5jb20vcCJ9.sig"}}
	for _, tc := range []struct {
		name    string
		setup   []func(*fixture)
		callers []caller
	}{
		{"a custom role that invokes", all(madeRole(invoke), invoking(customRole, bob)),
			[]caller{{run(bob), inside}, {run(alice), refused}, {stranger, refused}}},
		{"a custom role that invokes, for everybody", all(madeRole(invoke), invoking(customRole, "allUsers")),
			[]caller{{stranger, inside}}},
		{"a custom role that does not invoke", all(madeRole("run.services.get"), invoking(customRole, "allUsers")),
			[]caller{{run(bob), refused}, {stranger, refused}}},
		{"a custom role that was deleted", all(madeRole(invoke), invoking(customRole, "allUsers"), droppedRole),
			[]caller{{run(bob), refused}, {stranger, refused}}},
		{"a custom role that is disabled", all(madeRole(invoke), invoking(customRole, "allUsers"), disabledRole),
			[]caller{{run(bob), refused}, {stranger, refused}}},
		{"a custom role that passes IAP", all(protected, madeRole(pass), accessing(customRole, bob)),
			[]caller{{as(bob), inside}, {as(alice), denied}}},
		{"a custom role that does not pass IAP", all(protected, madeRole(invoke), accessing(customRole, "allUsers")),
			[]caller{{as(bob), denied}, {visit{}, signIn}}},
		{"a custom role that passed IAP and was deleted", all(protected, madeRole(pass), accessing(customRole, bob), droppedRole),
			[]caller{{as(bob), denied}}},
		{"developers invoke", all(invoking("roles/run.developer", "allUsers")), []caller{{stranger, inside}}},
		{"Cloud Run's editors invoke", all(invoking("roles/run.editor", "allUsers")), []caller{{stranger, inside}}},
		{"source developers invoke", all(invoking("roles/run.sourceDeveloper", "allUsers")), []caller{{stranger, inside}}},
		{"editors invoke", all(invoking("roles/editor", bob)), []caller{{run(bob), inside}, {stranger, refused}}},
		{"owners do not pass IAP", all(protected, accessing("roles/owner", bob)), []caller{{as(bob), denied}}},
		{"developers of functions invoke", all(invoking("roles/cloudfunctions.developer", "allUsers")),
			[]caller{{stranger, inside}}},
		{"Firebase administrators invoke", all(invoking("roles/firebase.admin", bob)), []caller{{run(bob), inside}}},
		{"viewers do not invoke", all(invoking("roles/run.viewer", "allUsers")), []caller{{stranger, refused}}},
		{"a role that nobody knows", all(invoking("roles/run.nobody", "allUsers")), []caller{{stranger, refused}}},
		{"a domain invokes", all(invoking("roles/run.invoker", "domain:gmail.com")),
			[]caller{{run(gmail), inside}, {run(google), inside}, {run(bob), refused}, {run(robot), refused},
				{stranger, refused}}},
		{"the organization lets invoke", all(inOrganization("roles/run.invoker", bob), invoking("roles/run.viewer", alice)),
			[]caller{{run(bob), inside}, {run(alice), refused}}},
		{"the organization lets through IAP", all(protected, inOrganization("roles/iap.httpsResourceAccessor", bob)),
			[]caller{{as(bob), inside}, {as(robot), denied}}},
		{"a domain passes IAP", all(protected, accessing("roles/iap.httpsResourceAccessor", "domain:gmail.com")),
			[]caller{{as(gmail), inside}, {as(bob), denied}}},
		{"a foreign token is ignored by a public service", nil, []caller{{foreign, inside}}},
		{"a foreign token of a private service is a 401", all(invoking("roles/run.invoker", bob)),
			[]caller{{foreign, "401 ?"}, {run(bob), inside},
				{visit{host: "run", header: map[string]string{"Authorization": "Bearer " + eve}}, "401 ?"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			for _, do := range tc.setup {
				do(o)
			}
			for _, c := range tc.callers {
				if diff := cmp.Diff(c.want, o.outcome(c.visit)); diff != "" {
					t.Errorf("%+v (-want +got):\n%s", c.visit, diff)
				}
			}
		})
	}
}
