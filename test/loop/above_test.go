package loop

import (
	"net/http"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

const organization = "organizations/987654321098"

// aboveEverything starts the loop with a sink of the organization: the log of what is above
// projects reaches no sink and no trigger of a project.
func aboveEverything(t *testing.T) *withfunction.Env {
	t.Helper()
	r := start(t)
	r.MoveIntoFolder()
	sink := r.CallAs(r.Owner(), http.MethodPost, "/v2/"+organization+"/sinks", map[string]any{"name": "events",
		"destination": "pubsub.googleapis.com/" + playground.EventsTopic, "filter": playground.EventsFilter, "includeChildren": true})
	r.CallAs(r.Owner(), http.MethodPost, "/v1/"+playground.EventsTopic+":setIamPolicy", map[string]any{"policy": map[string]any{
		"bindings": []any{map[string]any{"role": "roles/pubsub.publisher", "members": []any{sink["writerIdentity"]}}}}})
	giveAbove(r, organization, "roles/iam.roleViewer", "serviceAccount:"+playground.FunctionAccount)
	return r
}

// giveAbove gives a member a role in a folder or the organization, and returns what takes it
// away.
func giveAbove(r *withfunction.Env, above, role, member string) (takeAway func()) {
	path := "/v3/" + above
	bindings, _ := r.CallAs(r.Owner(), http.MethodPost, path+":getIamPolicy", nil)["bindings"].([]any)
	set := func(bindings []any) {
		r.CallAs(r.Owner(), http.MethodPost, path+":setIamPolicy", map[string]any{"policy": map[string]any{"bindings": bindings}})
	}
	set(append(slices.Clone(bindings), map[string]any{"role": role, "members": []any{member}}))
	return func() { set(bindings) }
}

func TestWhatChangesAboveAProjectIsLookedAtAtOnce(t *testing.T) {
	t.Parallel()
	r := aboveEverything(t)
	owner, project, hello := r.Owner(), "/v1/projects/"+playground.Project, playground.Scenario[0]
	role := r.CallAs(owner, http.MethodPost, "/v1/"+organization+"/roles", map[string]any{"roleId": "visitors",
		"role": map[string]any{"title": "Visitors", "includedPermissions": []any{"run.services.get"}}})
	r.Build(hello)
	r.Until("hello is protected", r.Safe("hello"))
	r.CallAs(owner, http.MethodPost, project+"/iap_web:setIamPolicy", map[string]any{"policy": map[string]any{
		"bindings": []any{map[string]any{"role": role["name"], "members": []any{"allUsers"}}}}})
	// until is after a report that the change led to, with no other event and no time gone by.
	until := func(what string, kind event.Kind, shows func(report.Report) bool) {
		t.Helper()
		r.Until(what, func() bool {
			last := r.LastOf("hello")
			return last.Cause.Kind == string(kind) && shows(last)
		})
	}
	until("the role lets nobody in", event.IAPPolicyChanged, func(last report.Report) bool { return last.Exposed == door.No })

	external := map[string]any{"gcipSettings": map[string]any{"tenantIds": []any{"_123456789012"},
		"loginPageUri": "https://auth.example.com/"}}
	for _, above := range []string{organization, cloudtest.WriterFolder} {
		r.CallAs(owner, http.MethodPatch, "/v1/"+above+":iapSettings", map[string]any{"accessSettings": external})
		until(above+" lets Identity Platform sign in", event.IAPSettingsChanged, func(last report.Report) bool {
			return slices.ContainsFunc(last.Findings,
				func(f report.Finding) bool { return f.Code == protection.ExternalIdentities })
		})
		r.CallAs(owner, http.MethodPatch, "/v1/"+above+":iapSettings", map[string]any{"name": above})
		until(above+" lets IAM decide again", event.IAPSettingsChanged,
			func(last report.Report) bool { return len(last.Findings) == 0 })
	}

	r.CallAs(owner, http.MethodPatch, "/v1/"+organization+"/roles/visitors?updateMask=includedPermissions",
		map[string]any{"includedPermissions": []any{"iap.webServiceVersions.accessViaIAP"}})
	until("the role lets everybody in", event.RoleChanged, func(last report.Report) bool { return last.Exposed == door.Yes })
	r.CallAs(owner, http.MethodPatch, "/v1/"+organization+"/roles/visitors?updateMask=includedPermissions",
		map[string]any{"includedPermissions": []any{"run.services.get"}})
	until("the role lets nobody in again", event.RoleChanged, func(last report.Report) bool { return last.Exposed == door.No })

	for _, above := range []string{organization, cloudtest.WriterFolder} {
		takeAway := giveAbove(r, above, posture.RoleAccessor, "domain:gmail.com")
		until(above+" lets everybody at Gmail in", event.ProjectIAMChanged,
			func(last report.Report) bool { return last.Exposed == door.Yes })
		takeAway()
		until(above+" lets nobody in", event.ProjectIAMChanged,
			func(last report.Report) bool { return last.Exposed == door.No })
	}
}
