package main

import (
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/shell"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// replaced is what stands for the words of a page that its readers replace.
var replaced = strings.NewReplacer("projects/PROJECT/secrets/NAME-holds", "projects/demo-project/secrets/iapguard-holds",
	"projects/P/secrets/iapguard-holds", "projects/demo-project/secrets/iapguard-holds",
	"projects/$GUARDED/locations/$REGION/services/shop", "projects/demo-project/locations/us-central1/services/hello",
	"projects/P/locations/L/services/S", "projects/demo-project/locations/us-central1/services/hello",
	"projects/$GUARDED", "projects/demo-project", "projects/MY_PROJECT", "projects/demo-project",
	"TARGET", "projects/demo-project/locations/us-central1/services/hello",
	"FUNCTION", deployedFunction, "GUARD@PROJECT", "iapguard@demo-project", "SHELL", "bash", "PLANID", "0123456789abcdef",
	"--policy-digest D", "--policy-digest 0123456789ab", "--since T", "--since 2h",
	"RUN", "8da0bb58-80bf-4991-ad4c-f9d133085352",
	"undo REPORT.json", "undo report.json --account "+playground.FunctionAccount,
	"FIXTURES", "policy.fixtures.yaml", "policy check FILE", "policy check policy.yaml",
	"verify report.json envelope.json", "verify shop.json shop-signed.json",
	"gs://iapguard-evidence-NUMBER", "gs://"+evidenceBucket, "gs://NAME-evidence-NUMBER", "gs://"+evidenceBucket,
	"policy test FILE", "policy test policy.yaml", "apply FILE", "apply plan.json",
	"diff OLD NEW", "diff old.yaml policy.yaml", "-o policy.yaml", "-o new.yaml",
	"policy-today.yaml", "old.yaml", "latest.yaml", "old.yaml",
	"--reason R", "--reason drill", "man DIR", "man man",
	"http://127.0.0.1:9090", "$IAPGUARD_ENDPOINT", "COMMAND", "sweep", "\\", "")

// evidenceBucket has a report and its signature. That of the deployment has reports which are not signed.
const evidenceBucket = "signed-evidence"

// left are parts of a command line that its reader may leave out, and further ones.
var left = regexp.MustCompile(`\[[^\]]*\]|…|\.\.\.`)

// notThere is in the error of a resume of what is not held.
const notThere = "no command placed a hold"

// bareP is a project that a page calls P.
var bareP = regexp.MustCompile(`\bprojects/P\b`)

// TestEveryCommandOfThePagesRuns runs every command line of the pages against a local cloud with a
// deployed function. A command may fail, as what it asks about is not there; it is never one that
// iapguard cannot read.
func TestEveryCommandOfThePagesRuns(t *testing.T) {
	// The function only plans: it would protect the service while apply does.
	o := deployedIn(t, cloudtest.Policy("name: shops", "mode: report-only"))
	o.Build(playground.Scenario[:1]...)
	secrets := "/v1/projects/demo-project/secrets"
	o.Call(http.MethodPost, secrets+"?secretId=iapguard-holds",
		map[string]any{"replication": map[string]any{"automatic": map[string]any{}}})
	o.Call(http.MethodPost, secrets+"/iapguard-holds:addVersion",
		map[string]any{"payload": map[string]any{"data": []byte("holds: []\n")}})
	t.Setenv("IAPGUARD_ENDPOINT", o.URL())
	t.Setenv("IAPGUARD_CONTEXT", deployedFunction)
	fixtures, err := os.ReadFile("../../../deploy/terraform/examples/organization/policy.fixtures.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := pages(t)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"policy.yaml": cloudtest.Policy("name: shops"),
		"old.yaml": cloudtest.Policy("name: shops"), "policy.fixtures.yaml": string(fixtures)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	evidenceFiles(t, ".", pemKey{publicIn(t, "key.pem")})
	o.CallAs(o.Owner(), http.MethodPost, "/storage/v1/b?project=demo-project", map[string]any{"name": evidenceBucket})
	putEvidence(t, bucket{o.URL(), evidenceBucket}, "reports", "shop.json")
	putEvidence(t, bucket{o.URL(), evidenceBucket}, "signatures", "shop-signed.json")
	ran := map[string]bool{}
	hello := playground.Scenario[0].Name()
	for _, args := range [][]string{{"plan", hello, "-o", "plan.json"}, {"apply", "--yes", hello, "-o", "report.json"}} {
		if out, err := say(t, args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for page, text := range all {
		for _, typed := range typedOn(text) {
			line := replaced.Replace(left.ReplaceAllString(typed, ""))
			line = bareP.ReplaceAllString(line, "projects/demo-project")
			words, err := shell.Fields(line, func(name string) string { return os.Getenv(name) })
			if err != nil {
				t.Errorf("%s: iapguard %s: %v", page, typed, err)
				continue
			}
			if len(words) == 0 || ran[strings.Join(words, " ")] || words[0] != strings.ToLower(words[0]) || waits(words) ||
				namesOnly(words) {
				continue
			}
			ran[strings.Join(words, " ")] = true
			_ = os.Remove("new.yaml") // of policy init
			_, err = say(t, words...)
			var usage usageError
			if words[0] == "verify" && err != nil {
				t.Errorf("%s: iapguard %s: %v, and what it names is there and signed", page, typed, err)
			}
			if errors.As(err, &usage) && !strings.Contains(err.Error(), notThere) {
				t.Errorf("%s: iapguard %s: %v", page, typed, err)
			}
		}
	}
	if len(ran) < 40 {
		t.Errorf("only %d command lines ran", len(ran))
	}
}

// waits reports whether a command runs until it is ended, or reads what is typed.
func waits(words []string) bool {
	return words[0] == "serve" || words[0] == "explain" || words[0] == "local" && (len(words) == 1 || words[1] != "env")
}

// namesOnly reports whether words name a command that needs more than that: the page is about it.
func namesOnly(words []string) bool {
	command, rest, err := newRootCommand().Find(words)
	return err == nil && len(rest) == 0 &&
		(command.HasSubCommands() || command.Args != nil && command.Args(command, nil) != nil ||
			slices.Contains([]string{"close-breaker", "verify"}, command.Name()))
}
