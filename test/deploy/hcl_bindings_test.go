package deploy_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// named are deployments in which every variable that names somebody names somebody.
var named = []map[string]any{
	everyone(map[string]any{"intake": []any{"sink", "eventarc"}, "refused_requests": "sink",
		"memory_key": "projects/demo-project/secrets/memory-key", "signing_key_version": 1,
		"exports": map[string]any{"ocsf": true},
		"watch":   map[string]any{"channels": []any{"projects/demo-project/notificationChannels/7"}}}),
	everyone(map[string]any{"intake": []any{"eventarc"}, "refused_requests": "off"}),
	everyone(map[string]any{"refused_requests": "alert"}),
	everyone(map[string]any{"scope": "folders/41", "organization_id": "12", "mode": "report-only",
		"runtime_projects": []any{},
		"writers":          map[string]any{"folders/41": map[string]any{"bound": true}}}),
}

func everyone(set map[string]any) map[string]any {
	for _, variable := range []string{"commanders", "deployers", "hold_members", "policy_writers",
		"report_readers"} {
		set[variable] = []any{"group:" + variable + "@example.com"}
	}
	set["operators"] = map[string]any{"approver": []any{"group:operators@example.com"}}
	return set
}

// bindings are the members by resource and role, in the words of the table.
type bindings map[string]map[string][]string

func (b bindings) add(resource, role string, members ...string) {
	if b[resource] == nil {
		b[resource] = map[string][]string{}
	}
	if role == "" { // a policy without a role
		return
	}
	for _, member := range members {
		if !slices.Contains(b[resource][role], member) {
			b[resource][role] = append(b[resource][role], member)
		}
	}
	slices.Sort(b[resource][role])
}

// documented reads the table of the page.
func documented(t *testing.T) bindings {
	t.Helper()
	page := read(t, filepath.Join(asShipped, "docs", "reference", "bindings.md"))
	_, rest, begins := strings.Cut(page, "<!-- bindings -->\n")
	table, _, ends := strings.Cut(rest, "<!-- /bindings -->")
	if !begins || !ends {
		t.Fatal("bindings.md has no table between its marks")
	}
	listed := bindings{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 3 {
			t.Fatalf("bindings.md: %d cells, want 3: %s", len(cells), line)
		}
		if cells[1] == "–" {
			listed.add(cells[0], "")
			continue
		}
		listed.add(cells[0], cells[1], strings.Split(cells[2], ", ")...)
	}
	return listed
}

// governed are the kinds of resources whose policies the module sets, by the kind of the
// policy, with the attribute that names the resource in it.
var governed = map[string]string{
	"google_pubsub_topic_iam_policy": "topic", "google_pubsub_subscription_iam_policy": "subscription",
	"google_secret_manager_secret_iam_policy": "secret_id",
	"google_service_account_iam_policy":       "service_account_id",
	"google_kms_crypto_key_iam_policy":        "crypto_key_id",
	"google_storage_bucket_iam_policy":        "bucket", "google_cloud_run_v2_service_iam_policy": "name",
}

// bound computes the bindings from the policies of the module's resources.
func bound(t *testing.T, all resources) bindings {
	t.Helper()
	made := bindings{}
	for kind, attribute := range governed {
		for _, policy := range all.of(kind) {
			var data struct {
				Bindings []struct {
					Role    string
					Members []string
				}
			}
			if err := json.Unmarshal([]byte(policy.Text("policy_data")), &data); err != nil {
				t.Fatalf("%s: %v", policy.Address, err)
			}
			resource := inTheTable(strings.TrimSuffix(strings.TrimPrefix(kind, "google_"), "_iam_policy"),
				policy.Text(attribute))
			if len(data.Bindings) == 0 {
				made.add(resource, "")
			}
			for _, binding := range data.Bindings {
				role := strings.TrimPrefix(binding.Role, "roles/")
				role = role[strings.LastIndex(role, "/")+1:]
				made.add(resource, role)
				for _, member := range binding.Members {
					made.add(resource, role, memberInTheTable(member))
				}
			}
		}
	}
	return made
}

// inTheTable is a resource in the words of the table.
func inTheTable(kind, name string) string {
	short := strings.TrimPrefix(name[strings.LastIndex(name, "/")+1:], "iapguard-")
	short = strings.TrimSuffix(strings.TrimSuffix(short, "-"+number), "@demo-project.iam.gserviceaccount.com")
	switch kind {
	case "pubsub_topic":
		return "topic " + short
	case "pubsub_subscription":
		if strings.HasPrefix(short, "eventarc-") {
			return "subscription of each trigger"
		}
		return "subscription " + short
	case "secret_manager_secret":
		if short == "memory-key" {
			return "secret of `memory_key`"
		}
		return "secret " + short
	case "service_account":
		return "account of " + accountInTheTable(short)
	case "kms_crypto_key":
		return "key of the signatures"
	case "storage_bucket":
		return "bucket " + short
	}
	return "service"
}

// accountInTheTable is an account, by its name without the deployment's.
func accountInTheTable(short string) string {
	switch {
	case short == "iapguard":
		return "the function"
	case slices.Contains([]string{"events", "work", "commands", "refused"}, short):
		return "each pusher"
	case short == "trigger":
		return "the triggers"
	case strings.HasPrefix(short, "writer-"):
		return "each writer"
	case short == "approver":
		return "each operator"
	case short == "watch":
		return "the watch"
	case short == "export":
		return "the export"
	}
	return "an unknown account: " + short
}

// memberInTheTable is a member of a policy in the words of the table.
func memberInTheTable(member string) string {
	kind, email, _ := strings.Cut(member, ":")
	name, domain, _ := strings.Cut(email, "@")
	switch {
	case kind == "group" && domain == "example.com":
		return "`" + name + "`"
	case kind == "projectOwner":
		return "owners of the project"
	case strings.HasPrefix(domain, "gcp-sa-pubsub."):
		return "Pub/Sub"
	case strings.HasPrefix(domain, "gcp-sa-bigquerydatatransfer."):
		return "BigQuery's scheduler"
	case strings.HasPrefix(domain, "gcp-sa-logging."):
		return "sinks"
	case strings.HasPrefix(domain, "gcp-sa-monitoring-notification."):
		return "Monitoring"
	case domain == "demo-project.iam.gserviceaccount.com":
		account := accountInTheTable(strings.TrimPrefix(name, "iapguard-"))
		return map[string]string{"the function": "function", "each pusher": "pushers", "the triggers": "triggers",
			"each operator": "operator accounts", "the export": "the export"}[account]
	}
	return member
}

// read returns the text of a file.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func resourcesOf(t *testing.T, set map[string]any) resources {
	t.Helper()
	all, err := moduleOf(t, asShipped, variables(set), address).Resources()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNobodyButThoseInTheTableHoldsARole(t *testing.T) {
	table, somewhere := documented(t), bindings{}
	for _, set := range named {
		for resource, roles := range bound(t, resourcesOf(t, set)) {
			somewhere.add(resource, "")
			for role, who := range roles {
				somewhere.add(resource, role, who...)
			}
		}
	}
	if diff := cmp.Diff(table, somewhere); diff != "" {
		t.Errorf("who holds which role (-deploy/docs/reference/bindings.md +module):\n%s", diff)
	}
}

// Who was not named is in no policy, and every policy that the table has a row for is set all
// the same: an unset policy would keep what somebody granted by hand.
func TestByDefaultOnlyTheModulesOwnAccountsHoldRoles(t *testing.T) {
	for _, shape := range shapes {
		set := maps.Clone(shape.set)
		delete(set, "hold_members")
		all, table := resourcesOf(t, set), documented(t)
		for resource, roles := range bound(t, all) {
			for role, who := range roles {
				for _, member := range who {
					if !slices.Contains(table[resource][role], member) {
						t.Errorf("%s: %s holds %s, which the table does not say", resource, member, role)
					}
					if strings.HasPrefix(member, "`") {
						t.Errorf("%s: %s holds %s, and nobody named them", resource, member, role)
					}
				}
			}
		}
	}
}

// Each of the guard's resources has one policy, and no grant beside it, which would be taken
// away by the next apply.
func TestEachResourceOfTheGuardHasOnePolicyAndNoGrant(t *testing.T) {
	sets := slices.Clone(named)
	for _, shape := range shapes {
		sets = append(sets, shape.set)
	}
	for _, set := range sets {
		all := resourcesOf(t, set)
		policies := map[string]int{}
		for kind, attribute := range governed {
			of := strings.TrimSuffix(kind, "_iam_policy")
			for _, policy := range all.of(kind) {
				policies[of+" "+last(policy.Text(attribute))]++
			}
			for _, grant := range append(all.of(of+"_iam_member"), all.of(of+"_iam_binding")...) {
				// The accounts and the OAuth clients of those whose services are guarded.
				if grant.Text("role") != "" && !strings.HasPrefix(grant.Text("role"), "roles/") {
					continue
				}
				t.Errorf("%s grants beside a policy", grant.Address)
			}
			for _, one := range all.of(of) {
				name := one.Text(map[string]string{"google_service_account": "name",
					"google_secret_manager_secret": "secret_id"}[of])
				if name == "" {
					name = one.Text("name")
				}
				if n := policies[of+" "+last(name)]; n != 1 {
					t.Errorf("%s has %d policies, want one", one.Address, n)
				}
			}
		}
		if len(policies) < 20 {
			t.Errorf("only %d policies are set: %v", len(policies), slices.Sorted(maps.Keys(policies)))
		}
	}
}

func last(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// A push is signed as the account of its path, and the function is given that account for
// this path and no other.
func TestEachPathIsOpenToTheAccountOfItsPushesAlone(t *testing.T) {
	inEveryShape(t, func(t *testing.T, _ string, all resources) {
		variables := map[string]string{}
		_, _, container := serviceOf(t, all)
		for _, variable := range blocks(container, "env") {
			variables[variable["name"].(string)] = variable["value"].(string)
		}
		want := map[string][]string{"IAPGUARD_CALLERS_EVENTS": {}, "IAPGUARD_CALLERS_WORK": {},
			"IAPGUARD_CALLERS_COMMANDS": {}}
		for _, one := range all.of("google_pubsub_subscription") {
			if len(blocks(one.Values, "push_config")) == 0 {
				continue
			}
			token := first(first(one.Values, "push_config"), "oidc_token")
			path := strings.TrimPrefix(one.Text("push_config", "push_endpoint"), address)
			variable := map[string]string{"/": "IAPGUARD_CALLERS_EVENTS", "/work": "IAPGUARD_CALLERS_WORK",
				"/commands": "IAPGUARD_CALLERS_COMMANDS"}[path]
			want[variable] = append(want[variable], token["service_account_email"].(string))
			if audience := variables["IAPGUARD_AUDIENCE"]; audience != token["audience"] {
				t.Errorf("%s has tokens made out to %v, and the function takes %s", one.Address,
					token["audience"], audience)
			}
		}
		for _, trigger := range all.of("google_eventarc_trigger") {
			if account := trigger.Text("service_account"); !slices.Contains(want["IAPGUARD_CALLERS_EVENTS"],
				account) {
				want["IAPGUARD_CALLERS_EVENTS"] = append(want["IAPGUARD_CALLERS_EVENTS"], account)
			}
		}
		seen := map[string]string{}
		for variable, accounts := range want {
			got := strings.Split(variables[variable], ",")
			slices.Sort(got)
			slices.Sort(accounts)
			if diff := cmp.Diff(accounts, got); diff != "" {
				t.Errorf("%s (-who is signed as +module):\n%s", variable, diff)
			}
			for _, account := range append(got, strings.Split(variables["IAPGUARD_OPERATORS"], ",")...) {
				if other := seen[account]; other != "" && other != variable && !strings.Contains(account,
					"-approver@") {
					t.Errorf("%s may come by %s and by %s", account, variable, other)
				}
				seen[account] = variable
			}
		}
		if got := variables["IAPGUARD_OPERATORS"]; got != "iapguard-approver@demo-project.iam.gserviceaccount.com" {
			t.Errorf("operators are %q", got)
		}
	})
}

// policyOf sends a policy of the module to the local cloud.
func (e *fixture) policyOf(r blueprint.Resource) {
	e.t.Helper()
	var data map[string]any
	e.done(json.Unmarshal([]byte(r.Text("policy_data")), &data))
	name := r.Text(governed[r.Kind])
	if strings.Contains(name, "/subscriptions/eventarc-") { // Eventarc's, here by another name
		return
	}
	set := func(resource string) { e.post("/v1/"+resource+":setIamPolicy", map[string]any{"policy": data}) }
	switch r.Kind {
	case "google_pubsub_topic_iam_policy":
		set(project + "/topics/" + last(name))
	case "google_pubsub_subscription_iam_policy":
		set(project + "/subscriptions/" + last(name))
	case "google_service_account_iam_policy":
		set(name)
	case "google_kms_crypto_key_iam_policy":
		set(name)
	case "google_storage_bucket_iam_policy":
		e.CallAs(e.Owner(), "PUT", "/storage/v1/b/"+name+"/iam", data)
	case "google_cloud_run_v2_service_iam_policy":
		e.post("/v2/"+project+"/locations/"+region+"/services/"+name+":setIamPolicy",
			map[string]any{"policy": data})
	}
}
