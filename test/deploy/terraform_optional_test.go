package deploy

import (
	"maps"
	"net/http"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// What is off by default and what only one kind of scope has is applied too, so that each type of
// resource in the module was applied once.
func TestTheProviderAppliesWhatIsOffByDefault(t *testing.T) {
	t.Parallel()
	for name, scope := range map[string]string{"organization": organization,
		"folder": "folders/FOLDER", "project": "projects/shop-prod", "triggers": project} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newStage(t, "optional-"+name)
			folder := e.makeFolder("shops")
			if name == "folder" {
				scope = "folders/" + folder
				folder = e.makeFolderIn(scope, "inner") // the writer's
			}
			for _, secret := range []string{"client", "key"} {
				e.CallAs(e.Owner(), http.MethodPost, "/v1/"+project+"/secrets?secretId="+secret,
					map[string]any{"replication": map[string]any{"automatic": map[string]any{}}})
			}
			channel := e.makeChannel()
			set := map[string]string{
				"project_id": `"demo-project"`, "region": `"us-central1"`, "scope": `"` + scope + `"`,
				"organization_id":      `"` + apiserver.OrganizationID + `"`,
				"image":                `"us-docker.pkg.dev/cloudrun/container/hello@sha256:` + zeros + `"`,
				"creation_wait":        `"0s"`,
				"deletion_protection":  `false`,
				"preventive":           `["ingress", "invoker", "iap"]`,
				"exports":              `{ ocsf = true, scc_source = "` + organization + `/sources/1" }`,
				"memory_key":           `"projects/demo-project/secrets/key"`,
				"oauth_client_secrets": `["projects/demo-project/secrets/client"]`,
				"iap_api_projects":     `["my-project"]`,
				"report_readers":       `["group:readers@example.com"]`,
				"digest_channels":      `["` + channel + `"]`,
				"watch":                `{ channels = ["` + channel + `"], ignored = ["my-project"] }`,
				"environment":          `{ OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com" }`,
				"optional_roles":       `["inherited", "ancestors", "callers", "domains"]`,
			}
			fewTriggers(t, e.dir)
			switch name {
			case "triggers":
				maps.Copy(set, map[string]string{"allow_guard_in_guarded_project": `true`, "intake": `["eventarc"]`,
					"eventarc_delivery": `"by-hand"`, "refused_requests": `"alert"`, "iap_api_projects": `[]`,
					"optional_roles": `["inherited"]`})
			case "project":
				maps.Copy(set, map[string]string{"mode": `"enforce"`, "runtime_projects": `["shop-prod"]`, "enable_api": `true`,
					"optional_roles": `["inherited", "callers", "domains"]`, "iap_api_projects": `["shop-prod"]`,
					"oauth_client_secrets": `[]`})
			default:
				maps.Copy(set, map[string]string{"sweep_projects": `["shop-prod"]`,
					"writers": `{ "folders/` + folder + `" = { bound = true, runtime_projects = ["shop-prod"] } }`})
			}
			e.writeCall(set)
			e.begin()
			e.recorder.step("apply", "-auto-approve")
			e.plansNothing()
			if name == "folder" { // a folder that moves out of the scope keeps its number
				e.CallAs(e.Owner(), http.MethodPost, "/v3/folders/"+folder+":move", map[string]any{"destinationParent": organization})
				e.plansNothing()
			}
			e.recorder.step("destroy", "-auto-approve")
			e.leaves()
			e.recorder.finish(keepTypes)
		})
	}
}
