package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// reference returns the text of a page in deploy/docs/reference.
func reference(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(referencePath(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func referencePath(name string) string {
	return filepath.Join(root, "deploy", "docs", "reference", name)
}

// section returns the text of a page between two marks, without them.
func section(t *testing.T, page, name string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	_, after, ok := strings.Cut(reference(t, page), begin)
	inside, _, closed := strings.Cut(after, end)
	if !ok || !closed {
		t.Fatalf("%s has no section between %q and %q", page, begin, end)
	}
	return inside
}

// With UPDATE=1 in the environment the test writes the table instead.
func TestTheEventsTableIsTheCodes(t *testing.T) {
	const events = "events.md"
	var want strings.Builder
	want.WriteString("| source | methods | becomes |\n|---|---|---|\n")
	for _, row := range event.Understood() {
		becomes := "`" + string(row.Kind) + "`"
		if row.Ignored != "" {
			becomes = "ignored: `" + string(row.Ignored) + "`"
		}
		methods := "–"
		if len(row.Methods) > 0 {
			methods = "`" + strings.Join(row.Methods, "`, `") + "`"
		}
		fmt.Fprintf(&want, "| %s | %s | %s |\n", row.Source, methods, becomes)
	}
	if os.Getenv("UPDATE") == "1" {
		const mark = "<!-- understood -->\n"
		text := strings.Replace(reference(t, events), mark+section(t, events, "understood"), mark+want.String(), 1)
		if err := os.WriteFile(referencePath(events), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.String(), section(t, events, "understood")); diff != "" {
		t.Errorf("%s (-code +table); UPDATE=1 go test ./test/docs writes it:\n%s", events, diff)
	}
}

func TestEveryFindingAndOutcomeIsDocumented(t *testing.T) {
	named := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(
		section(t, "findings.md", "findings"), -1)
	var codes []protection.Code
	for _, match := range named {
		codes = append(codes, protection.Code(match[1]))
	}
	slices.Sort(codes)
	if diff := cmp.Diff(protection.Codes(), codes); diff != "" {
		t.Errorf("findings (-code +findings.md):\n%s", diff)
	}
	for _, outcome := range []report.Outcome{
		report.Compliant, report.Started, report.Protected, report.Planned, report.Exempt, report.Held, report.Waiting,
		report.Deferred, report.Blocked, report.Failed, report.Rejected,
	} {
		if !strings.Contains(reference(t, "reports.md"), "| `"+string(outcome)+"` |") {
			t.Errorf("reports.md does not say what %s means", outcome)
		}
	}
}
