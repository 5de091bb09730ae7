package deploy_test

import (
	"slices"
	"testing"

	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// shapes are typical deployments, from the smallest to the largest.
var shapes = []struct {
	name  string
	scope string // whose services are protected
	set   map[string]any
}{
	{"report-only in one project", project, map[string]any{"mode": "report-only", "runtime_projects": []any{}}},
	{"enforce in one project", project, nil},
	{"everything in one project", project, map[string]any{
		"intake": []any{"sink", "eventarc"}, "refused_requests": "sink",
		"optional_roles":       []any{"inherited", "callers", "domains"},
		"runtime_accounts":     []any{"shop-run@demo-project.iam.gserviceaccount.com"},
		"oauth_client_secrets": []any{"projects/demo-project/secrets/client"},
		"hold_members":         []any{"group:on-call@example.com"},
		"preventive":           []any{"ingress", "invoker", "iap"}, "organization_id": "12", "min_instances": 1.0,
		"iap_api_projects": []any{"demo-project"}, "exports": map[string]any{"scc_source": "organizations/12/sources/34", "ocsf": true},
		"memory_key": "projects/demo-project/secrets/memory-key", "enable_api": true,
		"watch": map[string]any{"channels": []any{"projects/demo-project/notificationChannels/7"}},
	}},
	{"in a folder, planned", "folders/41", map[string]any{"scope": "folders/41", "organization_id": "12",
		"mode": "report-only", "runtime_projects": []any{}}},
	{"in an organisation, by waves", "organizations/12",
		map[string]any{"scope": "organizations/12", "mode": "report-only", "runtime_projects": []any{},
			"sweep_projects": []any{"shop-prod"}, "enable_api": true,
			"watch": map[string]any{"channels": []any{"projects/demo-project/notificationChannels/7"},
				"ignored": []any{"sandbox"}},
			"writers": map[string]any{
				"folders/41": map[string]any{"bound": true, "runtime_projects": []any{"shop-prod"},
					"runtime_accounts": []any{"shop-run@shop-test.iam.gserviceaccount.com"}},
				"folders/42": map[string]any{},
			}}},
}

const address = "https://iapguard-123456789012.us-central1.run.app"

// inEveryShape runs a test with all resources of every shape.
func inEveryShape(t *testing.T, test func(t *testing.T, scope string, all resources)) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			all, err := moduleOf(t, asShipped, variables(shape.set), address).Resources()
			if err != nil {
				t.Fatal(err)
			}
			test(t, shape.scope, all)
		})
	}
}

// resources are the resources that the module declares.
type resources []blueprint.Resource

// of returns those of a type.
func (r resources) of(kind string) []blueprint.Resource {
	return slices.DeleteFunc(slices.Clone([]blueprint.Resource(r)),
		func(one blueprint.Resource) bool { return one.Kind != kind })
}

// serviceOf returns the one Cloud Run service, its template and its container.
func serviceOf(t *testing.T, all resources) (service blueprint.Resource, template, container map[string]any) {
	t.Helper()
	services := all.of("google_cloud_run_v2_service")
	if len(services) != 1 {
		t.Fatalf("%d services, want one", len(services))
	}
	template = first(services[0].Values, "template")
	return services[0], template, first(template, "containers")
}
