package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/policy/schema"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

const head = "version: 1\nrules:\n  - name: a\n"

// now is when the texts are read.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	shopA = "projects/demo-project/locations/us-central1/services/shop-a"
	full  = "reason: r, owner: o, ticket: t, expires: 2026-12-31"
	hooks = "door: {frontend: projects/p-12345/global/forwardingRules/shop, host: shop.example.com, path: /hooks/*, " +
		"backend: projects/p-12345/global/backendServices/hooks}"
)

// ifSo is a rule whose accessor has access under a condition.
func ifSo(condition string) string {
	return head + "    access: {members: [\"user:a@example.com\"], condition: " + condition + "}\n"
}

func exempting(fields, services string) string {
	return head + "exemptions: [{services: [" + services + "], " + fields + "}]\n"
}

// refused is a text, the complaint about it, and whether a JSON Schema can know.
type refused struct {
	name, text, want string
	beyondSchema     bool
}

var refusals = []refused{
	{"unknown key", head + "    mood: enforce\n", `4:5: unknown key "mood": did you mean mode?`, false},
	{"unknown key that resembles none", head + "    zzzzzzzz: 1\n", "write one of accept, access, ", false},
	{"a group as approver", head + "    approvers: [\"group:ops@example.com\"]\n",
		`4:17: approvers: "group:ops@example.com" is not an account: write user:ADDRESS`, false},
	{"no account as approver", head + "approvers: [7]\n", `4:13: approvers: "7" is not an account`, false},
	{"no approver", head + "approvers: []\n", "4:12: approvers is empty", false},
	{"unknown key in match", head + "    match: {project: [a]}\n",
		`4:13: unknown key "project": did you mean projects?`, false},
	{"unknown key at the top", "version: 1\nrule: []\n",
		`2:1: unknown key "rule": did you mean rules?`, false},
	{"no YAML", "version: [\n", "2:1: while parsing a flow node", true},
	{"empty", "", "the policy is empty", true},
	{"a comment only", "# nothing\n", "the policy is empty", true},
	{"a list", "- version: 1\n", "1:1: the policy must be a mapping", false},
	{"no version", "rules: [{name: a}]\n", "1:1: the policy has no version", false},
	{"another version", "version: 2\nrules: [{name: a}]\n",
		"1:10: version is \"2\": write version: 1", false},
	{"version in quotes", "version: \"1\"\nrules: [{name: a}]\n", "write version: 1", false},
	{"no rules", "version: 1\n", "the policy has no rules", false},
	{"rules without any", "version: 1\nrules: []\n", "2:8: rules is empty", false},
	{"not a list of rules", "version: 1\nrules: a\n", "2:8: rules must be a list", false},
	{"not a rule", "version: 1\nrules: [a]\n", "2:9: a rule must be a mapping", false},
	{"a key without value", head + "    match:\n", "4:5: match has no value", false},
	{"a key twice", head + "    mode: approve\n    mode: enforce\n", "5:5: ", true},
	{"unknown mode", head + "    mode: enforced\n",
		`4:11: mode is "enforced": write report-only, approve, enforce`, false},
	{"unknown recipe", head + "    recipe: on\n", `recipe is "on": write auto, load-balancer, direct, off`, false},
	{"unknown way without a load balancer", head + "    withoutLoadBalancer: shut\n",
		`withoutLoadBalancer is "shut": write wait, close, direct`, false},
	{"settle too long", head + "    settle: 11m\n",
		`4:13: settle is "11m": write a time from 0s to 10m0s`, true},
	{"settle without unit", head + "    settle: 11\n", `settle is "11": write a time`, false},
	{"not a date", head + "    since: 2026-02-30\n",
		`4:12: since is "2026-02-30": write a date like 2026-12-31`, false},
	{"a year", head + "    since: 2026\n", `since is "2026": write a date`, false},
	{"existing without since", head + "    existing: true\n",
		"3:5: existing: true has no effect without since", false},
	{"existing is not a truth value", head + "    existing: yes\n", `existing is "yes": write true or false`, false},
	{"unknown ingress", head + "    ingress: open\n", `ingress is "open": write restrict, keep`, false},
	{"unknown redeploy", head + "    redeploy: always\n", `redeploy is "always": write enforce, advise, off`, false},
	{"unknown callers", head + "    callers: go\n",
		`4:14: callers is "go": write stop, stop-on-requests, proceed`, false},
	{"unknown probe", head + "    probe: yes\n", `probe is "yes": write on, off`, false},
	{"unknown redeployImage", head + "    redeployImage: latest\n",
		`redeployImage is "latest": write pin, go-on, refuse`, false},
	{"unknown invokers", head + "    publicInvokers: add\n", `publicInvokers is "add": write remove, keep`, false},
	{"an exemption without a ticket", exempting("reason: r, owner: o, expires: 2026-12-31", shopA),
		"4:14: an exemption has no ticket", false},
	{"a ticket that is left to fill in", exempting("reason: r, owner: o, ticket: <fill in>, expires: 2026-12-31", shopA),
		"ticket is left to fill in: write it", false},
	{"an exemption without an end", exempting("reason: r, owner: o, ticket: t", shopA),
		"an exemption has no expires", false},
	{"an exemption of a pattern", exempting(full, "projects/p-12345/locations/us-central1/services/shop-*"),
		"is not a valid service name", false},
	{"an exemption of a project", exempting(full, "projects/p-12345"), "names no service", false},
	{"a service twice", exempting(full, shopA+", "+shopA), "another exemption names " + shopA, true},
	{"a door of two services", exempting(full+", "+hooks, shopA+", "+shopA+"b"), "door is about one", true},
	{"a door without a path", exempting(full+", door: {frontend: f, backend: b, host: a.example.com}", shopA),
		"door has no path", false},
	{"a door at a pattern of hosts", exempting(full+", "+strings.Replace(hooks, "shop.example.com", "'*.example.com'", 1), shopA),
		"door.host is", false},
	{"a door at a proxy", exempting(full+", "+strings.Replace(hooks, "forwardingRules", "targetHttpsProxies", 1), shopA),
		"door.frontend is", false},
	{"a door at paths that begin so", exempting(full+", "+strings.Replace(hooks, "/hooks/*", "/hooks*", 1), shopA),
		"a * follows a slash", true},
	{"an exemption for too long", exempting("reason: r, owner: o, ticket: t, expires: 2027-12-01", shopA),
		"expires is 2027-12-01: write a day until 2027-11-24, or raise maxExemption", true},
	{"longer than the policy's own bound", "maxExemption: 30d\n" + exempting(full, shopA),
		"write a day until 2026-12-23", true},
	{"a bound without unit", "maxExemption: 30\n" + head,
		`maxExemption is "30": write a number of days from 1d to 3660d`, false},
	{"a bound in quotes without unit", "maxExemption: \"30\"\n" + head,
		`maxExemption is "30": write a number of days`, false},
	{"a ticket that is a number", exempting("reason: r, owner: o, ticket: 17, expires: 2026-12-31", shopA),
		"ticket must be text: write it in quotes", false},
	{"propagation below zero", head + "    propagation: -1s\n", `propagation is "-1s"`, false},
	{"no limit", head + "    limits: {perProject: 0}\n",
		`4:26: limits.perProject is "0": write a number from 1 to 1000`, false},
	{"a limit that never stops", head + "    limits: {overall: 1001}\n",
		`limits.overall is "1001": write a number from 1 to 1000`, false},
	{"a limit in quotes", head + "    limits: {overall: \"50\"}\n", `limits.overall is "50": write a number`, false},
	{"an unknown limit", head + "    limits: {project: 5}\n", "project", false},
	{"limits without any", head + "    limits: 10\n", "limits must be a mapping", false},
	{"stuck, and nothing said", head + "    whenStuck: {}\n", "whenStuck has no after", false},
	{"stuck, for how long", head + "    whenStuck: {do: close}\n", "whenStuck has no after", false},
	{"stuck, and then", head + "    whenStuck: {after: 72h}\n", "whenStuck has no do", false},
	{"stuck: open it", head + "    whenStuck: {after: 72h, do: open}\n", `whenStuck.do is "open": write report, close`, false},
	{"stuck for no time", head + "    whenStuck: {after: 0s, do: close}\n", "whenStuck.after is 0s: write at least 10m0s", true},
	{"stuck for a minute", head + "    whenStuck: {after: 1m, do: close}\n", "whenStuck.after is 1m0s: write at least 10m0s", true},
	{"stuck for ever", head + "    whenStuck: {after: 721h, do: close}\n", "write a time from 0s to 720h0m0s", true},
	{"a window for a report", head + "    whenStuck: {after: 1h, do: report, window: {from: \"02:00\", to: \"03:00\"}}\n",
		"whenStuck.window has no effect with do: report", true},
	{"a window without an end", head + "    whenStuck: {after: 1h, do: close, window: {from: \"02:00\"}}\n",
		"whenStuck.window has no to", false},
	{"a window of no length", head + "    whenStuck: {after: 1h, do: close, window: {from: \"02:00\", to: \"02:00\"}}\n",
		"whenStuck.window ends when it begins", true},
	{"a window on no day", head + "    whenStuck: {after: 1h, do: close, window: {days: [Monday], from: \"02:00\", to: \"03:00\"}}\n",
		`whenStuck.window.days: "Monday" is not a day: write mon,`, false},
	{"a window at no time", head + "    whenStuck: {after: 1h, do: close, window: {from: \"2:00\", to: \"24:00\"}}\n",
		`whenStuck.window.from is "2:00": write a time of the day in UTC`, false},
	{"limits under the old key", head + "    brakes: {perProject: 5}\n",
		"4:5: brakes is now called limits: write limits, with the same value", false},
	{"quiet too long", head + "    quiet: 601s\n",
		`4:12: quiet is "601s": write a time from 0s to 10m0s`, true},
	{"quiet without unit", head + "    quiet: 10\n", `quiet is "10": write a time`, false},
	{"everybody", head + "    access: {members: [allUsers]}\n",
		"4:24: access.members: allUsers would let everybody through IAP", false},
	{"everybody with an account", head + "    access: {members: [allAuthenticatedUsers]}\n",
		"would let everybody through IAP", false},
	{"no member", head + "    access: {members: [alice]}\n", `"alice" is not a member: write user:ADDRESS`, false},
	{"a domain that is not listed", head + "    access: {members: [\"domain:example.com\"]}\n",
		"list example.com under access.domains", true},
	{"a user of another domain", head + "    access: {members: [\"user:eve@example.org\"], domains: [example.com]}\n",
		"4:24: access.members: user:eve@example.org is of a domain that access.domains does not list", true},
	{"not a domain", head + "    access: {domains: [\"@example.com\"]}\n",
		"is not a domain: write one like example.com", false},
	{"a condition without a title", ifSo("{expression: e}"), "4:58: access.condition has no title", false},
	{"a condition without an expression", ifSo("{title: t}"), "access.condition has no expression", false},
	{"a condition that says nothing", ifSo(`{title: t, expression: " "}`),
		`access.condition.expression is " ": write one line of at most 1000 bytes`, false},
	{"a condition that is too long", ifSo("{title: t, expression: " + strings.Repeat("e", 1001) + "}"),
		"write one line of at most 1000 bytes", false},
	{"a title that is too long", ifSo("{expression: e, title: " + strings.Repeat("t", 101) + "}"),
		"write one line of at most 100 bytes", false},
	{"a condition of two lines", ifSo(`{title: t, expression: "a\nb"}`), "write one line", true},
	{"a condition with another key", ifSo("{title: t, expression: e, location: l}"), "location", false},
	{"a condition in words", ifSo("until spring"), "access.condition must be a mapping", false},
	{"everybody under a condition", head + "    access: {members: [allUsers], condition: {title: t, expression: e}}\n",
		"allUsers would let everybody through IAP", false},
	{"a condition for nobody", head + "    access: {condition: {title: t, expression: e}}\n",
		"4:25: access.condition has no effect without access.members", false},
	{"bad pattern", head + "    match: {projects: [\"a/../b\"]}\n",
		"4:24: match.projects: \"a/../b\" is not a name or a pattern", false},
	{"a number without quotes", head + "    match: {projects: [123456789012]}\n", "write it in quotes", false},
	{"a name of two lines", "version: 1\nrules: [{name: \"a\\nb\"}]\n",
		"2:16: name is \"a\\nb\": write 1 to 256 characters on one line", true},
	{"an empty name", "version: 1\nrules: [{name: \"\"}]\n", "write 1 to 256 characters", false},
	{"same name twice", head + "    match: {services: [a]}\n  - name: a\n",
		`5:5: another rule is named "a"`, true},
	{"no name", "version: 1\nrules:\n  - mode: enforce\n", "3:5: a rule has no name", false},
	{"a rule after one that matches all", head + "  - name: b\n    match: {projects: [x]}\n",
		`4:5: rule "b" never decides, since rule "a" before it`, true},
	{"a rule within an earlier glob",
		head + "    match: {services: [\"shop-*\"]}\n  - name: b\n    match: {services: [\"shop-a*\", shop-b]}\n",
		`rule "b" never decides`, true},
	{"not a folder", head + "    match: {folders: [\"123\"]}\n",
		`4:23: match.folders: "123" is not a folder: write one like folders/123456789012`, false},
	{"labels that are a list", head + "    match: {labels: [a]}\n",
		"4:21: match.labels must be a mapping", false},
	{"labels without any", head + "    match: {labels: {}}\n", "match.labels is empty", false},
	{"not a label", head + "    match: {labels: {Env: prod}}\n",
		`4:22: match.labels: "Env" is not a label`, false},
	{"not a label's value", head + "    match: {labels: {env: Prod}}\n",
		`4:27: match.labels: "Prod" is not a value or a pattern`, false},
	{"a label's value that is a number", head + "    match: {labels: {env: 17}}\n",
		`match.labels: "17" is not a value or a pattern: write lower-case letters, digits, -, _ and *, in quotes`, false},
	{"a label that loosens",
		head +
			"    match: {services: [\"a-*\"], labels: {env: dev}}\n    mode: approve\n  - name: b\n    match: {services: " +
			"[\"*-eu\"]}\n    mode: enforce\n  - name: c\n",
		`3:5: rule "a" selects by labels, and is not as strict as rule "b" in mode: anyone who deploys chooses that`, true},
	{"a pattern of names that loosens",
		head + "    match: {services: [hello, \"public-*\"]}\n    ingress: keep\n  - name: b\n",
		`3:5: rule "a" selects by a pattern of service names, and is not as strict as rule "b" in ingress`, true},
	{"a pattern of names that takes a service out of scope",
		head + "    match: {services: [\"*-public\"]}\n    recipe: \"off\"\n  - name: b\n    match: {services: " +
			"[\"shop-*\"]}\n",
		`selects by a pattern of service names, and is not as strict as rule "b" in recipe`, true},
	{"a label that loosens what a later rule of a folder keeps",
		head +
			"    match: {labels: {a: b}}\n    ingress: keep\n  - name: b\n    match: {folders: [folders/1], services: [shop]}\n",
		`rule "a" selects by labels, and is not as strict as rule "b" in ingress`, true},
	{"a label that loosens where the next rule does not reach",
		head +
			"    match: {labels: {a: b}}\n    mode: approve\n  - name: b\n    match: {projects: [x]}\n    mode: approve\n  - " +
			"name: c\n    mode: enforce\n",
		`rule "a" selects by labels, and is not as strict as rule "c" in mode`, true},
	{"a label that switches off", head + "    match: {labels: {iap: \"off\"}}\n    recipe: \"off\"\n  - name: b\n",
		`rule "a" selects by labels, and is not as strict as rule "b" in recipe`, true},
	{"a label that lets others in",
		head +
			"    match: {folders: [folders/1, folders/2], labels: {a: b}}\n    access: {members: " +
			"[\"user:eve@example.com\"]}\n  - name: b\n    match: {folders: [folders/2]}\n",
		`is not as strict as rule "b" in access.members`, true},
	{"the same labels again", head + "    match: {labels: {a: \"b*\"}}\n  - name: b\n    match: {labels: {a: bc, d: e}}\n",
		`rule "b" never decides`, true},
	{"a folder within those of an earlier rule",
		head +
			"    match: {folders: [folders/1, folders/2]}\n  - name: b\n    match: {folders: [folders/2], projects: [x]}\n",
		`rule "b" never decides`, true},
	{"a client without a secret", head + "    oauthClient: {id: 1-a.apps.googleusercontent.com}\n",
		"4:18: oauthClient has no secret", false},
	{"not a client id", head + "    oauthClient: {id: shop, secret: projects/p-12345/secrets/s/versions/1}\n",
		`4:23: oauthClient.id is "shop": write NUMBER-LETTERS.apps.googleusercontent.com`, false},
	{"a client's secret in clear", head + "    oauthClient: {id: 1-a.apps.googleusercontent.com, secret: hunter2}\n",
		"4:63: oauthClient.secret does not name a version of a secret; if it is the secret itself, replace it",
		false},
	{"a secret without a version",
		head + "    oauthClient: {id: 1-a.apps.googleusercontent.com, secret: projects/p-12345/secrets/s}\n",
		"write projects/PROJECT/secrets/SECRET/versions/latest", false},
	{"a secret of no project",
		head + "    oauthClient: {id: 1-a.apps.googleusercontent.com, secret: projects/../secrets/s/versions/1}\n",
		"does not name a version of a secret", true},
	{"a client with direct IAP",
		head +
			"    recipe: direct\n    oauthClient: {id: 1-a.apps.googleusercontent.com, secret: " +
			"projects/p-12345/secrets/s/versions/1}\n", "3:5: oauthClient is set at the load balancer", true},
	{"a client without a load balancer",
		head +
			"    withoutLoadBalancer: direct\n    oauthClient: {id: 1-a.apps.googleusercontent.com, secret: " +
			"projects/p-12345/secrets/s/versions/1}\n", "set the client there", true},
	{"an anchor", "version: 1\nrules: [&r {name: a}]\n", "2:9: ", true},
	{"an alias", "version: 1\nrules: [{name: *r}]\n", "are not read: write the value out", true},
	{"a tag", "version: !!int 1\nrules: [{name: a}]\n", "1:10: ", true},
	{"deep nesting", "version: 1\nrules: " + strings.Repeat("[", 5000) + "\n", "nested more than 16 deep", true},
	{"deep nesting on one line", "version: 1\nrules:\n  " + strings.Repeat("- ", 17) + "a\n",
		"nested more than 16 deep", true},
	{"two documents", head + "---\n" + head, "5:1: a second document", true},
	{"a secret in clear", head + "    oauth: GOCSPX-abcdefghijklmnop\n",
		"4:12: an OAuth client secret in clear", false},
	{"too large", head + strings.Repeat("# words\n", 40000), "write at most 262144", true},
}

func TestBadPoliciesAreRefusedWithPlaceAndRemedy(t *testing.T) {
	for _, tc := range refusals {
		_, err := Parse([]byte(tc.text), now)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %.200v, want one with %q", tc.name, err, tc.want)
		} else if strings.Contains(err.Error(), "GOCSPX") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the secret is repeated: %v", tc.name, err)
		}
	}
}

func TestEveryProblemHasFileLineAndColumn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy.yaml")
	place := regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `:[1-9][0-9]*:[1-9][0-9]*: .`)
	for _, tc := range refusals {
		if err := os.WriteFile(name, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(name, now)
		for line := range strings.Lines(fmt.Sprint(err)) {
			if !place.MatchString(line) {
				t.Errorf("%s: %q begins with no place", tc.name, line)
			}
		}
	}
}

func TestABlankIsRefusedWhereverItStands(t *testing.T) {
	unreasoned := strings.Replace(full, "reason: r", "reason: \"<fill in>\"", 1)
	for text, want := range map[string]string{
		exempting(unreasoned, shopA):          "reason is left to fill in: write it",
		head + "    mode: \"<fill in>\"\n":    "4:11: mode is left to fill in: write it",
		head + "approvers: [\"<fill in>\"]\n": "4:13: an entry of approvers is left to fill in",
	} {
		if _, err := Parse([]byte(text), now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	_, err := Parse([]byte(head+"    mode: x\n    settle: y\n    frob: z\n"), now)
	var got []string
	for _, each := range strictyaml.Problems(strictyaml.In("p.yaml", err)) {
		got = append(got, each.Key+" "+each.Error())
	}
	want := []string{
		`rules[0].mode p.yaml:4:11: mode is "x": write report-only, approve, enforce`,
		`rules[0].settle p.yaml:5:13: settle is "y": write a time from 0s to 10m0s`,
		`rules[0].frob p.yaml:6:5: unknown key "frob": did you mean probe?`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var accepted = map[string]string{
	"the least":    "version: 1\nrules: [{name: a}]\n",
	"the example":  example,
	"flow and doc": "---\n{version: 1, rules: [{name: a, settle: 1m30s, propagation: 0s}]}\n",
	"rules that overlap in part": head + "    match: {projects: [x], services: [\"shop-*\"]}\n" +
		"  - name: b\n    match: {services: [\"shop-*\"]}\n  - name: c\n",
	"labels that select stricter rules": head + "    match: {labels: {env: \"prod-*\", a_b: \"1\"}}\n    mode: enforce\n" +
		"  - name: b\n    match: {labels: {env: \"prod-*\"}}\n    mode: approve\n  - name: c\n    match: {projects: " +
		"[x]}\n    recipe: \"off\"\n  - name: d\n",
	"labels that loosen what nothing else covers": head +
		"    match: {services: [\"a-*\"], labels: {env: dev}}\n    ingress: keep\n  - name: b\n    match: {services: " +
		"[\"b-*\"]}\n",
	"folders that may lie in each other": head +
		"    match: {folders: [folders/1], labels: {a: b}}\n    ingress: keep\n  - name: b\n    match: {folders: " +
		"[folders/2]}\n",
	"folders": head +
		"    match: {folders: [folders/123456789012], projects: [\"prod-*\"]}\n  - name: b\n",
	"a folder, and then everything else": head +
		"    match: {folders: [folders/1]}\n  - name: b\n    match: {folders: [folders/1, folders/2]}\n  - name: c\n",
	"a project that may lie in a later folder": head +
		"    match: {projects: [x], labels: {a: b}}\n    ingress: keep\n  - name: b\n    match: {folders: [folders/1]}\n",
	"two values of a label": head +
		"    match: {labels: {a: \"*\", env: prod}}\n    mode: enforce\n  - name: b\n    match: {labels: {env: dev}}\n    " +
		"mode: enforce\n  - name: c\n    mode: enforce\n",
	"any value of a label": head + "    match: {labels: {a: \"*\"}}\n  - name: b\n",
	"a label as strict as all that it can meet": head +
		"    match: {services: [\"a-*\"], labels: {a: b}}\n    mode: approve\n" +
		"  - name: b\n    match: {services: [\"a-*\"]}\n    mode: approve\n  - name: c\n    match: {services: [b]}\n    mode: enforce\n",
	"a pattern of names as strict as the rest": head + "    match: {services: [\"a-*\"]}\n    mode: enforce\n  - name: b\n",
	"a pattern of names that loosens what nothing else covers": head +
		"    match: {services: [\"a-*\"]}\n    recipe: \"off\"\n" + "  - name: b\n    match: {services: [\"b-*\"]}\n",
	"names that loosen":      head + "    match: {services: [hello]}\n    ingress: keep\n  - name: b\n",
	"any name":               head + "    match: {services: [\"*\"], projects: [x]}\n    ingress: keep\n  - name: b\n",
	"a project that loosens": head + "    match: {projects: [\"dev-*\"]}\n    ingress: keep\n  - name: b\n",
	"a name that a pattern fits": head + "    match: {services: [a-b]}\n    ingress: keep\n" +
		"  - name: b\n    match: {services: [\"a-*\"]}\n  - name: c\n",
	"a long list": head + "    match:\n      services:\n" + strings.Repeat("        - shop\n", 20),
	"an OAuth client": head +
		"    oauthClient: {id: 123-a1b2.apps.googleusercontent.com, secret: " +
		"projects/my-project/secrets/iap-client/versions/latest}\n",
	"an exemption": exempting(full, shopA),
	"one door":     exempting(full+", "+hooks, shopA),
	"one for two years": "maxExemption: 730d\n" +
		exempting("reason: r, owner: o, ticket: t, expires: 2028-11-22", shopA),
	"one until an instant": exempting("reason: r, owner: o, ticket: t, expires: 2026-12-31T08:00:00+01:00", shopA),
	"one that has expired": exempting("reason: r, owner: o, ticket: t, expires: 2020-01-01", shopA),
	"a listed domain": head +
		"    access: {members: [\"domain:example.com\", \"user:a@example.com\", " +
		"\"serviceAccount:s@p.iam.gserviceaccount.com\"], domains: [example.com]}\n",
	"access under a condition": ifSo(
		`{title: until spring, expression: 'request.time < timestamp("2027-03-21T00:00:00Z")', description: d}`),
}

func TestTheSchemaJudgesAsTheReaderDoes(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("policy.json", document); err != nil {
		t.Fatal(err)
	}
	compiledSchema := compiler.MustCompile("policy.json")
	judge := func(text string) error {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return err
		}
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
			return err
		}
		return compiledSchema.Validate(value)
	}
	for name, text := range accepted {
		if _, err := Parse([]byte(text), now); err != nil {
			t.Errorf("%s: the reader refuses it: %v", name, err)
		}
		if err := judge(text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
	}
	for _, tc := range refusals {
		if !tc.beyondSchema && judge(tc.text) == nil {
			t.Errorf("%s: the schema accepts what the reader refuses", tc.name)
		}
	}
}

func TestASuggestionIsTheNearestWord(t *testing.T) {
	known := []string{"access", "match", "mode", "name", "settle"}
	for word, want := range map[string]string{
		"mod": "did you mean mode?", "MODE": "did you mean mode?", "matches": "did you mean match?",
		"": "write one of access, match, mode, name, settle", "xyzzy": "write one of access, match, mode, name, settle",
	} {
		if got := suggestion(word, known); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
