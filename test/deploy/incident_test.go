package deploy

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// message is what an alert about one line of the log sends.
type message struct{ subject, text string }

var (
	extractor = regexp.MustCompile(`^EXTRACT\(jsonPayload\.([a-z_]+)\)$`)
	variable  = regexp.MustCompile(`\$\{log\.extracted_label\.([a-z_]+)\}`)
)

// alertAt returns an alert of the module, by the end of its address.
func alertAt(t *testing.T, set map[string]any, address string) blueprint.Resource {
	t.Helper()
	variables := map[string]any{"project_id": "my-project", "region": "europe-west1", "scope": "projects/demo-project",
		"image": "us-docker.pkg.dev/my-project/iapguard/iapguard@sha256:" + strings.Repeat("0", 64)}
	for name, value := range set {
		variables[name] = value
	}
	read, err := blueprint.Load(module, blueprint.Options{Variables: variables, Given: map[string]string{
		"data.google_project.own.number": "1", "data.google_project.scope.number": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := read.Resources("google_monitoring_alert_policy")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range alerts {
		if one.Address == "google_monitoring_alert_policy."+address {
			return one
		}
	}
	t.Fatalf("the module has no alert %s", address)
	return blueprint.Resource{}
}

// sent renders what an alert sends about the lines that its condition matches: each
// variable has the value that the condition's own extractor takes from the line.
func sent(t *testing.T, alert blueprint.Resource, entries []map[string]any) []message {
	t.Helper()
	condition := nestedBlock(t, nestedBlock(t, alert.Values, "conditions"), "condition_matched_log")
	filter, err := logging.ParseFilter(condition["filter"].(string))
	if err != nil {
		t.Fatal(err)
	}
	documentation := nestedBlock(t, alert.Values, "documentation")
	var all []message
	for _, entry := range entries {
		if !filter.Match(entry) {
			continue
		}
		labels := map[string]string{}
		for label, from := range condition["label_extractors"].(map[string]any) {
			field := extractor.FindStringSubmatch(from.(string))
			if field == nil {
				t.Fatalf("label %s is taken by %v", label, from)
			}
			if value, there := entry["jsonPayload"].(map[string]any)[field[1]]; there {
				labels[label] = fmt.Sprint(value)
			}
		}
		rendered := func(text string) string {
			return variable.ReplaceAllStringFunc(text, func(found string) string {
				return labels[variable.FindStringSubmatch(found)[1]]
			})
		}
		all = append(all, message{rendered(documentation["subject"].(string)), rendered(documentation["content"].(string))})
	}
	return all
}

func nestedBlock(t *testing.T, values map[string]any, name string) map[string]any {
	t.Helper()
	list, _ := values[name].([]any)
	if len(list) == 0 {
		t.Fatalf("there is no block %s in %v", name, values)
	}
	return list[0].(map[string]any)
}

// A service opens, nobody approves what would close it, and the alert wakes somebody. Nothing
// but the message says what to type.
func TestAPlayedIncidentEndsWithTheCommandsOfThePage(t *testing.T) {
	var written lines
	e := withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy("mode: approve"), Log: slog.New(written.handler())})
	w := &week{Env: e, t: t}
	shop := here("shop", "storefront")
	w.appears(shop)
	w.Balance(shop.LoadBalanced)
	w.rest()
	sweep := func() {
		t.Helper()
		e.Publish(playground.CommandsTopic, `{"command":"sweep"}`)
		w.rest()
	}
	sweep()
	alert := alertAt(t, nil, `named["exposed-too-long"]`)
	if early := sent(t, alert, written.read(t)); len(early) > 0 {
		t.Fatalf("the alert fires at once: %s", early[0].subject)
	}
	if code := e.Ask(shop.Host, ""); code != http.StatusOK {
		t.Fatalf("a stranger gets %d at %s, which is to be open", code, shop.Host)
	}
	e.Later(63 * time.Minute)
	sweep()
	messages := sent(t, alert, written.read(t))
	if len(messages) != 1 {
		t.Fatalf("%d messages, want one about shop", len(messages))
	}
	const want = "open 63 min: shop (us-central1, demo-project): allUsers, ingress all, IAP off"
	if diff := cmp.Diff(want, messages[0].subject); diff != "" {
		t.Errorf("the subject (-want +sent):\n%s", diff)
	}
	for _, line := range typedBy(t, messages[0].text, e.URL()) {
		t.Log(line)
	}
	if code := e.Ask(shop.Host, ""); code == http.StatusOK {
		t.Errorf("after the page's commands a stranger still gets in at %s", shop.Host)
	}
	w.rest() // what the commands wrote is looked at, and may still find a door open
	before := len(sent(t, alert, written.read(t)))
	sweep()
	if after := sent(t, alert, written.read(t)); len(after) != before {
		t.Errorf("the alert fires again: %s", after[len(after)-1].subject)
	}
	if last := e.LastOf("shop"); last.Exposed != door.No || last.Outcome != report.Compliant {
		t.Errorf("in the end shop is %s, exposed %s", last.Outcome, last.Exposed)
	}
}

var (
	inCode = regexp.MustCompile("`(iapguard (?:audit|plan|apply) TARGET)`")
	about  = regexp.MustCompile("^`([^`]+)`: outcome")
)

// typedBy types the commands of a message's page about the service that it names, in the
// page's order, and returns them.
func typedBy(t *testing.T, text, cloud string) (typed []string) {
	t.Helper()
	target := about.FindStringSubmatch(text)
	if target == nil {
		t.Fatalf("the message does not name its service: %.200s", text)
	}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, policy, cloudtest.Policy("mode: approve"))
	for _, match := range inCode.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(strings.Replace(match[1], "TARGET", target[1], 1))
		arguments := append(words[1:], "--endpoint="+cloud, "--policy="+policy)
		if words[1] == "apply" {
			arguments = append(arguments, "--yes") // no terminal asks
		}
		command := exec.CommandContext(t.Context(), binary.Command(t), arguments...)
		command.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
		}
		typed = append(typed, strings.Join(words, " "))
	}
	if len(typed) < 3 {
		t.Fatalf("the page has the commands %q alone", typed)
	}
	return typed
}

// The line of the digest becomes one message, which names what is open longest.
func TestTheDigestIsOneMessageAboutWhatStands(t *testing.T) {
	var written lines
	e := withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy("mode: report-only"), Log: slog.New(written.handler())})
	w := &week{Env: e, t: t}
	shop := here("shop", "storefront")
	w.appears(shop)
	e.Publish(playground.CommandsTopic, `{"command":"sweep"}`)
	w.rest()
	e.Later(25 * time.Hour)
	e.Publish(playground.CommandsTopic, `{"command":"digest"}`)
	w.rest()
	messages := sent(t, alertAt(t, nil, "digest"), written.read(t))
	if len(messages) != 1 {
		t.Fatalf("%d messages, want one", len(messages))
	}
	if got, want := messages[0].subject, "today: 1 open, 0 held, 0 looks overdue, 0 guarded"; got != want {
		t.Errorf("the subject is %q, want %q", got, want)
	}
	if want := "Open: shop (us-central1, demo-project) for 25h"; !strings.HasPrefix(messages[0].text, want) {
		t.Errorf("the text is %.120q, want %q", messages[0].text, want)
	}
}

// A route gets the messages of its projects and rules alone, whatever a service's label says.
func TestARouteIsOfProjectsAndRulesAlone(t *testing.T) {
	line := func(more map[string]any) map[string]any {
		payload := map[string]any{"message": "report", "exposed": "yes", "exposed_minutes": 90.0, "outcome": "blocked",
			"mode": "enforce", "project": "shop-prod", "rule": "shops", "team": "payments"}
		for name, value := range more {
			payload[name] = value
		}
		return entry("iapguard", "run.googleapis.com%2Fstderr", "INFO", payload)
	}
	channel := []any{"projects/my-project/notificationChannels/5"}
	alert := alertAt(t, map[string]any{"notification_routes": map[string]any{
		"shops": map[string]any{"projects": []any{"shop-prod"}, "rules": []any{"shops"}, "channels": channel},
	}}, `named["exposed-too-long shops"]`)
	if diff := cmp.Diff(channel, alert.Values["notification_channels"]); diff != "" {
		t.Errorf("channels (-want +route):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		more map[string]any
		sent int
	}{
		"its project and rule": {nil, 1}, "another project": {map[string]any{"project": "lab"}, 0},
		"another rule":                       {map[string]any{"rule": "rest"}, 0},
		"another project with its team name": {map[string]any{"project": "lab", "team": "shops"}, 0},
	} {
		if got := len(sent(t, alert, []map[string]any{line(tc.more)})); got != tc.sent {
			t.Errorf("%s: %d messages, want %d", name, got, tc.sent)
		}
	}
}
