package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/iapguard/iapguard/"

// mayImport lists, for each folder, the folders of ours that it may import;
// the longest matching folder decides. A folder may always import what is
// inside itself. "" stands for everything.
var mayImport = map[string][]string{
	"function/cmd": {""},
	"function": {"internal/reconcile", "internal/workqueue", "internal/memory", "internal/event",
		"internal/policy", "internal/cloud", "internal/report", "internal/posture", "internal/fault", "internal/telemetry",
		"internal/strictyaml", "internal/timeout", "internal/attest"},
	"test": {""},
	"internal/reconcile": {"internal/decide", "internal/doctor", "internal/report", "internal/memory",
		"internal/remedy", "internal/protection", "internal/plan", "internal/caller", "internal/door", "internal/event",
		"internal/policy", "internal/posture", "internal/traffic", "internal/fault"},
	"internal/decide": {"internal/doctor", "internal/report", "internal/memory", "internal/remedy",
		"internal/protection", "internal/plan", "internal/caller", "internal/door", "internal/event", "internal/policy",
		"internal/posture", "internal/traffic", "internal/refusal", "internal/fault"},
	"internal/report": {"internal/safetext", "internal/memory", "internal/protection", "internal/plan", "internal/caller",
		"internal/door", "internal/event", "internal/policy", "internal/posture"},
	"internal/doctor": {"internal/remedy", "internal/protection", "internal/plan", "internal/caller",
		"internal/door", "internal/event", "internal/policy", "internal/posture", "internal/refusal", "internal/traffic"},
	"internal/remedy": {"internal/protection", "internal/plan", "internal/caller", "internal/door",
		"internal/event", "internal/policy", "internal/posture", "internal/fault"},
	// commands are built below those who give them as remedies
	"internal/remedy/command": {"internal/posture"},
	"internal/memory":         {"internal/plan", "internal/posture", "internal/fault", "internal/timeout"},
	"internal/protection": {"internal/plan", "internal/caller", "internal/door", "internal/event", "internal/policy",
		"internal/posture", "internal/remedy/command"},
	"internal/plan":       {"internal/caller", "internal/door", "internal/event", "internal/policy", "internal/posture"},
	"internal/caller":     {"internal/door", "internal/policy", "internal/posture", "internal/remedy/command"},
	"internal/door":       {"internal/policy", "internal/posture"},
	"internal/localcloud": {},
	// the playground runs what deploy/ ships
	"internal/playground":        {"internal/localcloud", "deploy/roles", "deploy/filters"},
	"internal/playground/attach": {"internal/playground", "internal/localcloud", "function"},
	// the console draws the services of the local cloud as the audit sees them
	"internal/playground/console": {"internal/playground", "internal/localcloud", "function", "internal/cloud",
		"internal/drawing", "internal/report", "internal/door", "internal/event", "internal/posture",
		"internal/policy", "internal/remedy/command", "internal/safetext"},
	// signed evidence of reports
	"internal/attest": {"internal/report"},
	// documents of security tools, made of reports
	"internal/export":    {"internal/report", "internal/door"},
	"deploy":             {},
	"internal/event":     {"internal/posture", "internal/refusal", "internal/strictyaml", "internal/safetext"},
	"internal/logfilter": {"internal/event", "internal/posture", "internal/refusal"},
	"internal/policy":    {"internal/posture", "internal/strictyaml"},
	"internal/workqueue": {"internal/fault"},
	"internal/cloud": {"internal/event", "internal/memory", "internal/workqueue", "internal/logfilter", "internal/caller",
		"internal/door", "internal/posture", "internal/plan", "internal/policy", "internal/report", "internal/fault",
		"internal/timeout", "internal/refusal", "internal/traffic", "internal/remedy/command"}, // an error of the cloud carries its remedy
	"internal/page":       {"internal/drawing", "internal/protection", "internal/report", "internal/door", "internal/safetext"},
	"internal/drawing":    {"internal/report", "internal/door", "internal/posture", "internal/safetext"},
	"internal/strictyaml": {},
	"internal/traffic":    {"internal/posture"},
	"internal/posture":    {"internal/safetext", "internal/refusal"},
	"internal/refusal":    {},
	"internal/safetext":   {},
	"internal/fault":      {},
	// its callers describe what happens; it imports none of them
	"internal/telemetry": {"internal/timeout"},
	"internal/timeout":   {},

	// the judge shares no code with what it judges
	"test/oracle/judge":       {"test/oracle/estate"},
	"test/oracle/estate":      {},
	"test/games/referee":      {"test/games/kind", "test/games/kind/consent", "test/games/play", "test/oracle/judge"},
	"test/games/play":         {"test/games/kind", "test/games/kind/consent", "test/oracle/estate"},
	"test/games/kind":         {},
	"test/games/kind/consent": {"test/games/kind"},

	"internal/posture/posturetest": {"internal/posture", "internal/policy"},
}

// onlyStandard may import the standard library and nothing else.
var onlyStandard = []string{"internal/posture", "internal/traffic", "internal/refusal", "internal/door", "internal/caller", "internal/fault",
	"internal/remedy/command"}

// pure packages do no I/O, read no clock and log nothing.
var pure = []string{"internal/posture", "internal/traffic", "internal/refusal", "internal/door", "internal/caller", "internal/protection", "internal/plan",
	"internal/memory", "internal/remedy", "internal/decide", "internal/doctor", "internal/event", "internal/logfilter",
	"internal/strictyaml", "internal/safetext", "internal/drawing", "internal/page"}

// impure are the packages and functions that a pure package may not use.
var impure = map[string][]string{
	"os": {""}, "log": {""}, "log/slog": {""}, "net": {""}, "math/rand": {""}, "math/rand/v2": {""},
	"time": {"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc"},
}

// source is one Go file with its imports.
type source struct {
	folder, path string
	test         bool
	file         *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." && path != root {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || entry.IsDir() {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		found = append(found, source{filepath.ToSlash(filepath.Dir(path)), filepath.ToSlash(path),
			strings.HasSuffix(path, "_test.go"), file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d Go files found: this test looks in the wrong place", len(found))
	}
	return found
}

func (s source) imports() []string {
	var list []string
	for _, spec := range s.file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			list = append(list, path)
		}
	}
	return list
}

func within(folder, parent string) bool {
	return parent == "" || folder == parent || strings.HasPrefix(folder, parent+"/")
}

// rule finds the entry of mayImport that decides for a folder.
func rule(folder string) (string, bool) {
	best, found := "", false
	for parent := range mayImport {
		if within(folder, parent) && len(parent) >= len(best) {
			best, found = parent, true
		}
	}
	return best, found
}

func TestImportsRunOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.folder == "." {
			continue
		}
		parent, known := rule(s.folder)
		if !known {
			t.Errorf("%s: folder %s has no place in the house: add it to mayImport", s.path, s.folder)
			continue
		}
		for _, path := range s.imports() {
			ours, isOurs := strings.CutPrefix(path, module)
			if !isOurs || within(ours, parent) {
				continue
			}
			if !slices.ContainsFunc(mayImport[parent], func(allowed string) bool { return within(ours, allowed) }) {
				t.Errorf("%s imports %s, which %s may not", s.path, ours, parent)
			}
		}
	}
}

func TestTheLocalCloudIsImportedByTheCommandAndTestsOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.folder, "internal/localcloud") || within(s.folder, "internal/playground") ||
			within(s.folder, "function/cmd") || within(s.folder, "test") {
			continue
		}
		for _, path := range s.imports() {
			if strings.HasPrefix(path, module+"internal/localcloud") {
				t.Errorf("%s imports the local cloud", s.path)
			}
		}
	}
}

func TestGoogleAPIClientsAreKnownToCloudOnly(t *testing.T) {
	for _, s := range sources(t) {
		// The local cloud's Pub/Sub speaks Google's protocol, and its REST API is that of
		// the same messages. Its schemas are generated from Google's documents and types.
		// clienttest is for tests with Google's clients.
		if s.test || within(s.folder, "internal/cloud") || within(s.folder, "internal/localcloud/delivery") ||
			within(s.folder, "internal/localcloud/pubsub") || within(s.folder, "internal/localcloud/clienttest") ||
			within(s.folder, "internal/localcloud/schema/generate") ||
			within(s.folder, "test") {
			continue
		}
		for _, path := range s.imports() {
			if strings.HasPrefix(path, "google.golang.org/api/") || strings.HasPrefix(path, "cloud.google.com/go/") &&
				path != "cloud.google.com/go/compute/metadata" {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
	}
}

// Telemetry is named in our words, so that a reader of the loop need not know
// OpenTelemetry's.
func TestOpenTelemetryIsKnownToTelemetryOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.folder, "internal/telemetry") || within(s.folder, "test") {
			continue
		}
		for _, path := range s.imports() {
			if strings.HasPrefix(path, "go.opentelemetry.io/") {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
	}
}

func TestTheDomainNeedsNothingButTheStandardLibrary(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(onlyStandard, s.folder) {
			continue
		}
		for _, path := range s.imports() {
			if strings.Contains(path, ".") && !strings.HasPrefix(path, module) {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
	}
}

func TestPurePackagesReadNoClockAndDoNoIO(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.ContainsFunc(pure, func(p string) bool { return within(s.folder, p) }) {
			continue
		}
		for _, use := range uses(s.file) {
			for _, name := range impure[use.path] {
				if name == "" || name == use.name {
					t.Errorf("%s uses %s.%s", s.path, use.path, use.name)
				}
			}
		}
	}
}

func TestTheEnvironmentIsReadWhereConfigurationIs(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.folder, "function") || within(s.folder, "test") {
			continue
		}
		for _, use := range uses(s.file) {
			if use.path == "os" && (use.name == "Getenv" || use.name == "LookupEnv" || use.name == "Environ") {
				t.Errorf("%s reads the environment", s.path)
			}
		}
	}
}

func TestTheTopLevelIsFixed(t *testing.T) {
	allowed := []string{"LICENSE", "README.md", "cloudbuild.yaml", "deploy", "function", "go.mod", "go.sum",
		"internal", "test"}
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) {
			t.Errorf("%s does not belong to the top level", name)
		}
	}
}

// use is one mention of something in an imported package.
type use struct{ path, name string }

func uses(file *ast.File) []use {
	named := map[string]string{}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if strings.HasPrefix(name, "v") && len(name) == 2 {
			name = filepath.Base(filepath.Dir(path))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		named[name] = path
	}
	var found []use
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if ident, ok := selector.X.(*ast.Ident); ok && named[ident.Name] != "" {
				found = append(found, use{named[ident.Name], selector.Sel.Name})
			}
		}
		return true
	})
	return found
}
