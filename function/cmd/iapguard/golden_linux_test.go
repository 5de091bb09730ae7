package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/attach"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

var update = flag.Bool("update", false, "write what is seen into the golden files")

// varying is what is another one in every run: ids, hashes, times, ports, and how long a step took.
var varying = regexp.MustCompile(`\b(plan|policy|digest|approve|to) [0-9a-f]{12,16}\b|\(\d+\.\ds\)|` +
	`\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d| UTC)?)?|` +
	`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|127\.0\.0\.1:\d+|` +
	`\d+s ago|PROXY_PORT='\d+|\bhello-00001-[a-z0-9]{3}\b`)

// transient is what a slow machine shows for a while: for how long a step has been under
// way, how far the plans are.
var transient = regexp.MustCompile(`(\r?\x1b\[2K\r?)(  \[\d/\d\] . \S+ +\d+\.\ds|services looked at[^\r\n]*)?`)

// steady is a text without what varies and what passes.
func steady(text string) string {
	return varying.ReplaceAllStringFunc(transient.ReplaceAllString(text, ""), func(each string) string {
		word, _, two := strings.Cut(each, " ")
		switch {
		case strings.HasPrefix(each, "("):
			return "(…)"
		case strings.HasSuffix(each, " ago"):
			return "… ago"
		case two && word[0] >= 'a':
			return word + " …"
		case strings.HasPrefix(each, "PROXY_PORT"):
			return "PROXY_PORT='…"
		case strings.HasPrefix(each, "hello-"):
			return "hello-00001-…"
		}
		return "…"
	})
}

// goldenScreen compares a text with a file of testdata, or writes it with -update.
func goldenScreen(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-file +seen; go test -update writes it):\n%s", path, diff)
	}
}

// scene is where a person types at a terminal.
type scene struct {
	*cloudtest.Env
	t       *testing.T
	columns uint16
	values  map[string]string // of the words in capitals that lines have in place of what varies
}

// typed is a line that a person types, and what must have come before it.
type typed struct {
	line   string
	status int
	answer string       // to the question
	before func(*scene) // nil = nothing
}

const (
	helloName   = "projects/demo-project/locations/us-central1/services/hello"
	billingName = "projects/demo-project/locations/europe-west1/services/billing"
)

// alone are the lines that are typed without a deployed function, one after the other.
var alone = []typed{
	{line: "version"},
	{line: "context show", status: exitUsage},
	{line: "explain entries.json"},
	{line: "policy check policy.yaml"},
	{line: "policy check policy.yaml " + helloName},
	{line: "policy check wrong.yaml", status: exitUsage},
	{line: "policy test policy.yaml fixtures.yaml", status: exitFailed},
	{line: "policy diff policy.yaml looser.yaml projects/demo-project"},
	{line: "policy init projects/demo-project"},
	{line: "audit projects/demo-project"},
	{line: "audit " + helloName},
	{line: "audit projects/demo-project --group-by project --summary"},
	{line: "plan projects/demo-project --policy policy.yaml"},
	{line: "plan " + helloName},
	{line: "plan projects/nowhere-123", status: exitFailed},
	{line: "verify report.json envelope.json", status: exitUsage},
	{line: "doctor " + helloName},
	{line: "doctor projects/demo-project"},
	{line: "apply projects/demo-project", status: exitUsage,
		before: func(s *scene) { s.t.Setenv("IAPGUARD_ENDPOINT", "https://run.example.com") }},
	{line: "apply projects/demo-project --policy policy.yaml -o reports.json", answer: "y\n",
		before: func(s *scene) { s.t.Setenv("IAPGUARD_ENDPOINT", s.URL()) }},
	{line: "apply projects/demo-project --policy policy.yaml"},
	{line: "reports reports.json"},
	{line: "reports reports.json --outcome blocked"},
	{line: "hold projects/demo-project --for 4h --reason incident --by carol --holds holds.yaml"},
	{line: "status --holds holds.yaml --policy policy.yaml"},
	{line: "apply " + helloName + " --policy policy.yaml --holds holds.yaml"},
	{line: "resume projects/demo-project --holds holds.yaml"},
	{line: "resume projects/demo-project --holds holds.yaml", status: exitFailed},
	{line: "undo reports.json --account owner@example.com", status: exitFailed},
	{line: "undo reports.json --account owner@example.com --yes"},
	{line: "local env --addr ADDRESS",
		before: func(s *scene) { s.values["ADDRESS"] = strings.TrimPrefix(s.URL(), "http://") }},
	{line: "local env --addr ADDRESS --format terraform"},
}

// deployedLines are the lines that are typed where a function is deployed.
var deployedLines = []typed{
	{line: "context use " + deployedFunction},
	{line: "context show"},
	{line: "status"},
	{line: "send audit " + helloName},
	{line: "reports", before: (*scene).awaitReport},
	{line: "plan " + helloName},
	{line: "send hold projects/demo-project --for 1h --reason incident"},
	{line: "status"},
	{line: "apply " + helloName, status: exitFailed},
	{line: "send resume projects/demo-project"},
	{line: "hold " + helloName + " --for 1h --reason incident"},
	{line: "resume " + helloName},
	{line: "send plan " + helloName},
	{line: "approve PLANID", before: (*scene).knowPlan},
	{line: "approve 0123456789abcdef", status: exitFailed},
	{line: "send doctor " + helloName},
	{line: "close-breaker --reason repaired"},
	{line: "undo 0123-no-run", status: exitFailed},
	{line: "audit " + helloName},
}

// helpAlone are the commands that have a golden help alone, and why.
var helpAlone = map[string]string{
	"iapguard":               "it prints its help",
	"iapguard serve":         "it prints nothing for a person",
	"iapguard local":         "it stays up",
	"iapguard man":           "it prints nothing",
	"iapguard context":       "it has commands",
	"iapguard policy":        "it prints its help",
	"iapguard policy schema": "it prints a file of internal/policy/schema",
	"iapguard completion":    "it prints a script of cobra",
}

// guardedLater is a local cloud with a service that was there before the function, which asks
// before it writes.
func guardedLater(t *testing.T) *cloudtest.Env {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{Clock: time.Now})
	o.Build(playground.Scenario[:1]...)
	if err := o.DeployFunction(t.Context()); err != nil {
		t.Fatal(err)
	}
	function, err := attach.Function(t.Context(), o.Playground, attach.Options{Log: slog.New(slog.DiscardHandler),
		PolicyFile: written(t, "policy.yaml", cloudtest.Policy("mode: approve",
			`approvers: ["serviceAccount:iapguard-operator@demo-project.iam.gserviceaccount.com"]`))})
	if err != nil {
		t.Fatal(err)
	}
	o.Keep(function)
	return o
}

// awaitReport waits until the bucket of evidence has the report of the audit.
func (s *scene) awaitReport() {
	for range 400 {
		if out, err := say(s.t, "reports"); err != nil || strings.Contains(out, "  planned  ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Error("no report comes")
}

// knowPlan learns the id of the plan that is to be approved.
func (s *scene) knowPlan() {
	out, err := say(s.t, "plan", helloName, "--format", "json")
	var planned report.Report
	if err != nil || json.Unmarshal([]byte(out), &planned) != nil {
		s.t.Errorf("plan: %v\n%s", err, out)
	}
	s.values["PLANID"] = planned.PlanID
}

// screenOf is what a terminal shows of a line that is typed.
func (s *scene) screenOf(each typed) string {
	s.t.Helper()
	if each.before != nil {
		each.before(s)
	}
	args := strings.Fields(each.line)
	for i, word := range args {
		if value, known := s.values[word]; known {
			args[i] = value
		}
	}
	at := newTerminal(s.t, s.columns)
	if each.answer != "" {
		go at.types(s.t, "[y/N]", each.answer)
	}
	status := at.runs(s.t.Context(), args...)
	shown := at.end()
	if status != each.status {
		s.t.Errorf("iapguard %s: exit status %d, want %d:\n%s", each.line, status, each.status, shown)
	}
	shown = steady(shown)
	for word, value := range s.values {
		shown = strings.ReplaceAll(shown, value, word)
	}
	if status != exitDone {
		shown += fmt.Sprintf("exit status %d\n", status)
	}
	return strings.ReplaceAll(shown, "\x1b", "␛")
}

// newScene is a folder with files, a local cloud with two services, and a terminal.
func newScene(t *testing.T, columns uint16, o *cloudtest.Env) *scene {
	t.Helper()
	t.Setenv("IAPGUARD_ENDPOINT", o.URL())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"policy.yaml": cloudtest.Policy(),
		"looser.yaml": cloudtest.Policy("match: {services: [\"hello*\"]}", "ingress: keep"),
		"wrong.yaml":  "version: 1\nrules:\n  - {name: a, mod: enforce}\n  - {name: b, mode: inforce}\n",
		"fixtures.yaml": "version: 1\nfixtures:\n" +
			"  - {name: hello is covered, service: " + helloName + ", want: {acts: true}}\n" +
			"  - {name: billing is left, service: " + billingName + ", want: {covered: false}}\n",
		"entries.json": deployed + "\n" + strings.Replace(deployed, "UpdateService", "GetService", 1) + "\n" +
			strings.Replace(deployed, "iapguard/1.0.0", "gcloud/500.0.0", 1) + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &scene{Env: o, t: t, columns: columns, values: map[string]string{}}
}

// variants are how wide terminals are, and whether they show colour. A golden file has a
// variant only where it differs from the one before it that base names.
var variants = []struct {
	name    string
	columns uint16
	colour  bool
	base    string
}{
	{"", 80, false, ""}, {"120", 120, false, ""}, {"colour", 80, true, ""}, {"120 colour", 120, true, "120"},
}

func TestEveryCommandLooksAsItsGoldenFileSays(t *testing.T) {
	screens := map[string][]map[string]string{} // by command: of each line, by variant
	titles := map[string][]string{}
	for _, v := range variants {
		t.Run(fmt.Sprintf("%d columns, colour %t", v.columns, v.colour), func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			t.Setenv("NO_COLOR", map[bool]string{false: "1"}[v.colour])
			number := map[string]int{}
			keep := func(s *scene, each typed) {
				command, _, err := newRootCommand().Find(strings.Fields(each.line))
				if err != nil {
					t.Fatal(err)
				}
				path := command.CommandPath()
				if number[path]++; len(screens[path]) < number[path] {
					screens[path] = append(screens[path], map[string]string{})
					titles[path] = append(titles[path], each.line)
				}
				screens[path][number[path]-1][v.name] = s.screenOf(each)
			}
			var behind atomic.Int64
			behind.Store(int64(10 * time.Second)) // hello has been open for longer
			o := cloudtest.Start(t, playground.Options{Clock: func() time.Time {
				return time.Now().Add(-time.Duration(behind.Load()))
			}})
			o.Build(playground.Scenario[0])
			behind.Store(0)
			o.Build(playground.Scenario[1:]...)
			nightly(o)
			s := newScene(t, v.columns, o)
			for _, path := range slices.Sorted(maps.Keys(allCommands())) {
				keep(s, typed{line: strings.TrimSpace(strings.TrimPrefix(path, "iapguard") + " --help")})
			}
			for _, each := range alone {
				keep(s, each)
			}
			o = guardedLater(t)
			s = newScene(t, v.columns, o)
			for _, each := range deployedLines {
				keep(s, each)
			}
		})
	}
	folder := filepath.Join("testdata", "golden")
	kept := map[string]bool{}
	for path := range allCommands() {
		if _, alone := helpAlone[path]; len(screens[path]) < 2 != alone {
			t.Errorf("%s: %d lines are typed; alone its help: %t", path, len(screens[path]), alone)
		}
		file := strings.ReplaceAll(path, " ", "-") + ".txtar"
		kept[file] = true
		seen := &txtar.Archive{}
		for i, screen := range screens[path] {
			for _, v := range variants {
				if base, known := screen[v.base]; v.name == "" || !known || screen[v.name] != base {
					name := strings.TrimSpace("iapguard " + titles[path][i])
					if v.name != "" {
						name += " | " + v.name
					}
					seen.Files = append(seen.Files, txtar.File{Name: name, Data: []byte(screen[v.name])})
				}
			}
		}
		name := filepath.Join(folder, file)
		if *update {
			if err := os.WriteFile(name, txtar.Format(seen), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("%s has no golden file; go test -update writes it: %v", path, err)
			continue
		}
		if got := txtar.Format(seen); !bytes.Equal(want, got) {
			t.Errorf("%s (-file +seen; go test -update writes it):\n%s", name, cmp.Diff(string(want), string(got)))
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range entries {
		if !kept[each.Name()] {
			t.Errorf("testdata/golden/%s is of no command", each.Name())
		}
	}
}
