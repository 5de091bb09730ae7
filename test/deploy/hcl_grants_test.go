package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// shippedRoles returns the permissions of the roles in deploy/roles, by id.
func shippedRoles(t *testing.T) map[string][]string {
	t.Helper()
	loaded, err := roles.Load()
	if err != nil {
		t.Fatal(err)
	}
	permissions := map[string][]string{}
	for _, role := range loaded {
		permissions[role.ID] = role.Names()
	}
	return permissions
}

// madeRoles returns the permissions of the module's roles, by name.
func madeRoles(all resources) map[string][]string {
	made := map[string][]string{}
	for _, role := range append(all.of("google_project_iam_custom_role"),
		all.of("google_organization_iam_custom_role")...) {
		for _, permission := range role.Values["permissions"].([]any) {
			made[role.Text("id")] = append(made[role.Text("id")], permission.(string))
		}
	}
	return made
}

// grants returns the resources that grant a role.
func grants(all resources) []blueprint.Resource {
	return slices.DeleteFunc(slices.Clone([]blueprint.Resource(all)), func(one blueprint.Resource) bool {
		return !strings.HasSuffix(one.Kind, "_iam_member") && !strings.HasSuffix(one.Kind, "_iam_binding")
	})
}

// members are the members of a grant.
func members(grant blueprint.Resource) []string {
	if one := grant.Text("member"); one != "" {
		return []string{one}
	}
	var all []string
	for _, each := range grant.Values["members"].([]any) {
		all = append(all, each.(string))
	}
	return all
}

func TestRolesHaveThePermissionsOfTheRoleFileAndNoOthers(t *testing.T) {
	seen := map[string][]string{}
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		want := shippedRoles(t)
		for name, got := range madeRoles(all) {
			id := name[strings.LastIndex(name, "/")+1:]
			if diff := cmp.Diff(want[id], got); diff != "" {
				t.Errorf("%s (-deploy/roles +module):\n%s", name, diff)
			}
			seen[id] = got
		}
	})
	if diff := cmp.Diff(shippedRoles(t), seen); diff != "" {
		t.Errorf("roles that some shape makes (-deploy/roles +module):\n%s", diff)
	}
}

// onTheScope returns the custom roles of the function's own account on the scope.
func onTheScope(scope string, all resources) []string {
	var ids []string
	for _, grant := range grants(all) {
		on := map[string]string{
			"google_project_iam_member":      "projects/" + grant.Text("project"),
			"google_folder_iam_member":       grant.Text("folder"),
			"google_organization_iam_member": "organizations/" + grant.Text("org_id"),
		}[grant.Kind]
		if on == scope && grant.Text("member") == "serviceAccount:iapguard@demo-project.iam.gserviceaccount.com" {
			ids = append(ids, grant.Text("role")[strings.LastIndex(grant.Text("role"), "/")+1:])
		}
	}
	slices.Sort(ids)
	return ids
}

func TestTheFunctionHoldsOnTheScopeWhatItsModeNeeds(t *testing.T) {
	reads := []string{"iapguardCallers", "iapguardHeartbeat", "iapguardInherited", "iapguardReader"}
	above := append([]string{"iapguardAncestors"}, reads...)
	want := map[string][]string{
		"report-only in one project": reads,
		"enforce in one project":     append(slices.Clone(reads), "iapguardRuntime", "iapguardWriter"),
		"everything in one project": {"iapguardAPIs", "iapguardCallers", "iapguardDomains", "iapguardHeartbeat",
			"iapguardInherited", "iapguardReader", "iapguardRuntime", "iapguardWriter"},
		"in a folder, planned":         above,
		"in an organisation, by waves": above,
	}
	inEveryShape(t, func(t *testing.T, scope string, all resources) {
		_, name, _ := strings.Cut(t.Name(), "/")
		if diff := cmp.Diff(want[strings.ReplaceAll(name, "_", " ")], onTheScope(scope, all)); diff != "" {
			t.Errorf("roles of the function on %s (-want +module):\n%s", scope, diff)
		}
	})
}

// Two resources that grant the same role on the same resource to the same member
// are one grant to Google: destroying either takes it away.
func TestNoGrantIsDeclaredTwice(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		declared := map[string]string{}
		for _, grant := range grants(all) {
			if grant.Text("member") == "" {
				continue // a binding, which declares all members of its role
			}
			arguments, err := json.Marshal(grant.Values) // keys are sorted
			if err != nil {
				t.Fatal(err)
			}
			key := grant.Kind + string(arguments)
			if first := declared[key]; first != "" {
				t.Errorf("%s and %s are the same grant: %s", first, grant.Address, arguments)
			}
			declared[key] = grant.Address
		}
	})
}

// Each sink writes to its own topic: a flood of refused requests fills no topic of events.
func TestEachSinkPublishesOnItsOwnTopicAlone(t *testing.T) {
	for name, set := range map[string]map[string]any{
		"both sinks":        {"intake": []any{"sink"}, "refused_requests": "sink"},
		"the events sink":   {"intake": []any{"sink"}, "refused_requests": "off"},
		"the requests sink": {"intake": []any{"eventarc"}, "refused_requests": "sink"},
		"sinks of a folder": {"scope": "folders/41", "organization_id": "12", "mode": "report-only",
			"runtime_projects": []any{}},
		"no sink":            {"intake": []any{"eventarc"}, "refused_requests": "off"},
		"no sink, but alert": {"intake": []any{"eventarc"}, "refused_requests": "alert"},
	} {
		t.Run(name, func(t *testing.T) {
			all := resourcesOf(t, set)
			want, got := map[string][]string{}, map[string][]string{}
			for _, sink := range slices.Concat(all.of("google_logging_project_sink"),
				all.of("google_logging_folder_sink")) {
				if topic, ok := strings.CutPrefix(sink.Text("destination"), "pubsub.googleapis.com/"); ok {
					want["topic "+strings.TrimPrefix(last(topic), "iapguard-")] = []string{"sinks"}
				}
			}
			for resource, roles := range bound(t, all) {
				if slices.Contains(roles["pubsub.publisher"], "sinks") {
					got[resource] = []string{"sinks"}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("on which topics sinks publish (-destinations +module):\n%s", diff)
			}
		})
	}
}

// broad lists roles of Google's that would defeat the purpose of the custom ones.
var broad = []string{"roles/owner", "roles/editor", "roles/viewer", "roles/run.admin",
	"roles/iam.serviceAccountUser", "roles/iam.serviceAccountAdmin",
	"roles/iam.securityAdmin", "roles/resourcemanager.projectIamAdmin"}

func TestActAsIsNeverGrantedOnAFolderOrOrganisation(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		custom := madeRoles(all)
		for _, grant := range grants(all) {
			role := grant.Text("role")
			if slices.Contains(broad, role) {
				t.Errorf("%s grants %s", grant.Address, role)
			}
			acts := slices.Contains(custom[role], "iam.serviceAccounts.actAs") ||
				role == "roles/iam.serviceAccountTokenCreator"
			if acts && grant.Kind != "google_service_account_iam_member" &&
				!(grant.Kind == "google_project_iam_member" && strings.HasSuffix(role, "Runtime")) {
				t.Errorf("%s grants acting as accounts beyond one account, or one project that was named for it", grant.Address)
			}
			for _, member := range members(grant) {
				if kind, _, _ := strings.Cut(member, ":"); kind != "serviceAccount" && kind != "group" {
					t.Errorf("%s is granted to %s", grant.Address, member)
				}
			}
		}
	})
}

func TestTheFunctionAloneWritesItsMemory(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		made := bound(t, all)
		want := map[string][]string{"iapguardMemory": {"function"},
			"storage.legacyBucketOwner": {"owners of the project"}}
		if diff := cmp.Diff(want, made["bucket memory"]); diff != "" {
			t.Errorf("who may do what with the memory (-want +module):\n%s", diff)
		}
		custom := madeRoles(all)["projects/demo-project/roles/iapguardMemory"]
		if diff := cmp.Diff(shippedRoles(t)["iapguardMemory"], custom); diff != "" {
			t.Errorf("the role (-deploy/roles +module):\n%s", diff)
		}
		for _, bucket := range all.of("google_storage_bucket") {
			if bucket.Values["uniform_bucket_level_access"] != true ||
				bucket.Text("public_access_prevention") != "enforced" {
				t.Errorf("%s: access is not uniform, or can be public: %v", bucket.Address, bucket.Values)
			}
			if bucket.Address == "google_storage_bucket.memory" && (first(bucket.Values,
				"versioning")["enabled"] != true ||
				first(bucket.Values, "soft_delete_policy")["retention_duration_seconds"] != 2592000.0) {
				t.Errorf("versions or soft delete: %v", bucket.Values)
			}
		}
	})
}

// Reports go to a bucket whose objects nobody can delete for as long as they are evidence,
// and on which the function has no right.
func TestTheFunctionHasNoRightOnTheEvidence(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		who := bound(t, all)["bucket evidence"]
		if readers := who["storage.objectViewer"]; slices.Equal(readers, []string{"the export"}) {
			delete(who, "storage.objectViewer")
		}
		if len(who) != 3 {
			t.Errorf("%d roles on the evidence, want three beside the export's: %v", len(who), who)
		} else {
			for role, members := range who {
				if slices.Contains(members, "function") {
					t.Errorf("the function holds %s on the evidence", role)
				}
			}
		}
		for _, bucket := range all.of("google_storage_bucket") {
			retention := first(bucket.Values, "retention_policy")
			switch bucket.Address {
			case "google_storage_bucket.evidence":
				if retention["retention_period"] != 400.0*86400 || retention["is_locked"] != false ||
					bucket.Values["force_destroy"] != nil {
					t.Errorf("retention %v, destroyed by force %v", retention, bucket.Values["force_destroy"])
				}
			default:
				if retention != nil {
					t.Errorf("%s has a retention, and records are overwritten", bucket.Address)
				}
			}
		}
		subscription := all.of("google_pubsub_subscription")
		at := slices.IndexFunc(subscription,
			func(r blueprint.Resource) bool { return r.Address == "google_pubsub_subscription.evidence" })
		config := first(subscription[at].Values, "cloud_storage_config")
		if subscription[at].Text("topic") != project+"/topics/iapguard-reports" ||
			config["bucket"] != "iapguard-evidence-"+number {
			t.Errorf("%s goes to %v, want the reports in the bucket of evidence",
				subscription[at].Text("topic"), config["bucket"])
		}
	})
	locked := resourcesOf(t, map[string]any{"evidence_locked": true, "evidence_days": 30.0})
	for _, bucket := range locked.of("google_storage_bucket") {
		if retention := first(bucket.Values, "retention_policy"); retention != nil &&
			(retention["is_locked"] != true || retention["retention_period"] != 30.0*86400) {
			t.Errorf("asked to lock thirty days: %v", retention)
		}
	}
}

func TestOnlyTheModulesAccountsMayInvokeTheFunction(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		service, _, _ := serviceOf(t, all)
		if service.Values["invoker_iam_disabled"] != false || service.Values["iap_enabled"] != false ||
			service.Text("ingress") != "INGRESS_TRAFFIC_INTERNAL_ONLY" {
			t.Errorf("invoker check off %v, IAP %v, ingress %s: want the check, no IAP, internal only",
				service.Values["invoker_iam_disabled"], service.Values["iap_enabled"], service.Text("ingress"))
		}
		want := []string{"operator accounts", "pushers"}
		if len(all.of("google_eventarc_trigger")) > 0 {
			want = append(want, "triggers")
		}
		if diff := cmp.Diff(want, bound(t, all)["service"]["run.invoker"]); diff != "" {
			t.Errorf("invokers (-want +module):\n%s", diff)
		}
	})
}

// Only the guard's own resources have whole policies: elsewhere these would take roles from
// others.
func TestTheModuleGovernsItsOwnResourcesAndCreatesNoKeys(t *testing.T) {
	folders, err := blueprint.Folders(filepath.Join(asShipped, "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		governsItsOwn(t, folder)
	}
}

func governsItsOwn(t *testing.T, folder string) {
	t.Helper()
	files, err := blueprint.Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, block := range files[name].Blocks {
			if block.Type != "resource" {
				continue
			}
			kind := block.Labels[0]
			takes := strings.HasSuffix(kind, "_iam_policy") || strings.HasSuffix(kind, "_iam_binding")
			if kind == "google_service_account_key" || takes && governed[kind] == "" {
				t.Errorf("%s: %s is made: keys can be stolen, and policies and bindings take roles from others", name,
					strings.Join(block.Labels, "."))
			}
			if grants := strings.HasSuffix(kind, "_iam_member") || takes; grants &&
				!explained(lines, block.TypeRange.Start.Line) {
				t.Errorf("%s:%d: no comment says why %s is granted", name, block.TypeRange.Start.Line,
					fmt.Sprint(block.Labels))
			}
		}
	}
}

// explained reports whether the line before a line, counted from one, is a comment.
func explained(lines []string, line int) bool {
	return line >= 2 && strings.HasPrefix(lines[line-2], "#")
}
