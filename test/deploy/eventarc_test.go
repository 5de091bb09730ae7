package deploy

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/logfilter"
)

const intake = "../../deploy/intake.yaml"

// eventarcBegins is the first generated line; the generated part ends with the file.
const eventarcBegins = "# What Eventarc's triggers are made for, one each: generated from " +
	"internal/logfilter/eventarc.go by\n"

const eventarcHead = eventarcBegins +
	`# UPDATE=1 go test ./test/deploy -run Eventarc. A trigger takes one complete method name; in
# location global it sees every region; Compute Engine's events all come from one,
# us-central1 (eventarc/docs/locations, eventarc/docs/understand-locations). At most 500 triggers fit in a location.
#
# Triggers cannot deliver the following. Log sinks do, or the sweep sees it within an hour:
# - that a service has become ready: system events, whose methods begin with a slash (*unverified*
#   whether a trigger can match them); the function retries a service that is still deploying
# - refused requests, which no audit log has; alerts go to a topic of their own
# - resources of folders and organisations: a trigger sees only its own project
# - methods that are not in Eventarc's catalogue, for which a trigger may be refused: everything of
#   InternalServices, as which Cloud Functions deploys, beta.compute.regionUrlMaps.patch, DisableService and
#   DeactivateServices of Service Management, everything of Compute's alpha
# - verbs of Compute that open nothing: delete, certificates, security policies, signed URL keys
# UpdateIapSettings is in the Data Access log, which must be enabled for IAP.
# Failed calls, first halves and our own writes arrive too; the function ignores them.
eventarc:
`

// withEventarc returns the intake file with the list from the code.
func withEventarc(text string) string {
	before, _, _ := strings.Cut(text, eventarcBegins)
	var b strings.Builder
	b.WriteString(strings.TrimRight(before, "\n") + "\n\n" + eventarcHead)
	for _, one := range logfilter.Triggers() {
		fmt.Fprintf(&b, "  - {serviceName: %s, methodName: %s, location: global}\n", one.Service, one.Method)
	}
	return b.String()
}

// With UPDATE=1 in the environment the test writes the list instead.
func TestEventarcListIsWhatTheTableSays(t *testing.T) {
	shipped, err := os.ReadFile(intake)
	if err != nil {
		t.Fatal(err)
	}
	want := withEventarc(string(shipped))
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(intake, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		shipped = []byte(want)
	}
	if diff := cmp.Diff(want, string(shipped)); diff != "" {
		t.Errorf("deploy/intake.yaml (-table +file); UPDATE=1 go test ./test/deploy -run Eventarc writes it:\n%s", diff)
	}
}

// trigger is one entry of the list, as Terraform reads it.
type trigger struct {
	Service  string `yaml:"serviceName"`
	Method   string `yaml:"methodName"`
	Location string `yaml:"location"`
}

func triggers(t *testing.T) []trigger {
	t.Helper()
	text, err := os.ReadFile(intake)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Eventarc []trigger `yaml:"eventarc"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Eventarc
}

// body returns an event of a method as Eventarc delivers it, about an existing
// resource, with the fields of every method's entry.
func body(t *testing.T, one trigger) []byte {
	t.Helper()
	collection := "backendServices"
	if part := strings.Split(one.Method, "."); one.Service == "compute.googleapis.com" {
		collection = strings.NewReplacer("regionB", "b", "regionN", "n", "regionU", "u", "regionT", "t", "globalN", "n",
			"globalF", "f").Replace(part[len(part)-2])
	}
	resource := map[string]string{
		"run.googleapis.com":                  "namespaces/demo-project/services/hello",
		"iap.googleapis.com":                  "projects/1/iap_web/compute-us-central1/services/2",
		"compute.googleapis.com":              "projects/demo-project/regions/us-central1/" + collection + "/x",
		"serviceusage.googleapis.com":         "projects/1/services/iap.googleapis.com",
		"iam.googleapis.com":                  "projects/demo-project/roles/invokers",
		"cloudresourcemanager.googleapis.com": "projects/demo-project",
	}[one.Service]
	return fmt.Appendf(nil,
		`{"insertId":"1","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"2026-11-23T12:00:00Z",
		"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1"}},
		"protoPayload":{"serviceName":%q,"methodName":%q,"resourceName":%q,
		"request":{"domainMapping":{"spec":{"routeName":"hello"}},"policy":{"bindings":[{"role":"roles/run.invoker","members":["allUsers"]}]}}}}`,
		one.Service, one.Method, resource)
}

func TestEveryEventarcMethodIsActedOn(t *testing.T) {
	seen := map[trigger]bool{}
	for _, one := range triggers(t) {
		if seen[one] {
			t.Errorf("%+v stands twice", one)
		}
		seen[one] = true
		if one.Location != "global" {
			t.Errorf("%+v: a trigger there misses other regions", one)
		}
		if results := event.Parse(event.Message{Body: body(t, one)}, event.Self{}); len(results) != 1 ||
			results[0].Cause == nil {
			t.Errorf("%s of %s: %+v, want a cause", one.Method, one.Service, results)
		}
	}
	if len(seen) == 0 || len(seen) > 500 {
		t.Errorf("%d triggers; 500 fit in a location", len(seen))
	}
}

// withoutTrigger lists the methods that the function acts on and that have no trigger,
// with the reason.
var withoutTrigger = map[string]string{
	"/Services.Delete*": "system events: whether a trigger matches a leading slash is " +
		"unverified",
	"/InternalServices.Delete*":                       "system events",
	"/Services.*":                                     "system events",
	"/InternalServices.*":                             "system events",
	"InternalServices.SetIamPolicy":                   "not in the catalogue",
	"InternalServices.*":                              "not in the catalogue",
	"InternalServices.Delete*":                        "not in the catalogue",
	"DeactivateServices":                              "no name is known",
	"Instances.*":                                     "not in the catalogue: they are in preview",
	"CreateAuthzPolicy":                               "not in the catalogue",
	"UpdateAuthzPolicy":                               "not in the catalogue",
	"DeleteAuthzPolicy":                               "not in the catalogue",
	"servicemanagement.googleapis.com DisableService": "no name is known",
}

// One trigger that Eventarc refuses would end the apply. These are in audit logs, and not
// in googleapis/google-cloudevents json/audit/service_catalog.json (2026-04-10).
func TestNoTriggerIsMadeOutsideOfGooglesCatalogue(t *testing.T) {
	uncatalogued := []string{"beta.compute.regionUrlMaps.patch",
		"google.cloud.serverless.internal.InternalServices.CreateInternalService",
		"google.cloud.serverless.internal.InternalServices.ReplaceInternalService"}
	for _, one := range triggers(t) {
		if slices.Contains(uncatalogued, one.Method) {
			t.Errorf("there is a trigger for %s", one.Method)
		}
	}
}

func TestEveryActedOnMethodIsInTheEventarcListIfPossible(t *testing.T) {
	all := triggers(t)
	excused := map[string]bool{}
	for _, row := range event.Understood() {
		if row.Service == "" || row.Ignored != "" {
			continue
		}
		for _, pattern := range row.Methods {
			for _, name := range []string{pattern, row.Service + " " + pattern} {
				if withoutTrigger[name] != "" {
					excused[name] = true
				}
			}
			why := withoutTrigger[pattern] + withoutTrigger[row.Service+" "+pattern]
			if got := listed(all, row.Service, pattern); got == (why != "") {
				t.Errorf("%s of %s: in the list %t; why it cannot be: %q", pattern, row.Service, got, why)
			}
		}
	}
	for name := range withoutTrigger {
		if !excused[name] {
			t.Errorf("%s is excused and acted on nowhere", name)
		}
	}
}

// listed reports whether a trigger exists for a method that a pattern matches.
func listed(all []trigger, service, pattern string) bool {
	collection, verb, dotted := strings.Cut(pattern, ".")
	if !dotted {
		collection, verb = "", pattern
	}
	for _, one := range all {
		part := strings.Split("."+one.Method, ".")
		gotCollection, gotVerb := part[len(part)-2], part[len(part)-1]
		prefix, open := strings.CutSuffix(verb, "*")
		if one.Service == service && (!dotted || gotCollection == collection) &&
			(gotVerb == verb || open && strings.HasPrefix(gotVerb, prefix)) {
			return true
		}
	}
	return false
}
