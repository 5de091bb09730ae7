package docs

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

const readme = "../../README.md"

func read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is the text between two marks, without them.
func section(t *testing.T, name string) string {
	t.Helper()
	text := read(t)
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	_, after, ok := strings.Cut(text, begin)
	inside, _, closed := strings.Cut(after, end)
	if !ok || !closed {
		t.Fatalf("README has no section between %q and %q", begin, end)
	}
	return inside
}

// With UPDATE=1 in the environment the test writes the table instead.
func TestTheTableOfWhatIsUnderstoodIsTheCodes(t *testing.T) {
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
		text := strings.Replace(read(t), mark+section(t, "understood"), mark+want.String(), 1)
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.String(), section(t, "understood")); diff != "" {
		t.Errorf("README's table (-code +README); UPDATE=1 go test ./test/docs writes it:\n%s", diff)
	}
}

func TestREADMENamesEveryFindingAndEveryOutcomeThatCanBe(t *testing.T) {
	named := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(section(t, "findings"), -1)
	var codes []protection.Code
	for _, match := range named {
		codes = append(codes, protection.Code(match[1]))
	}
	slices.Sort(codes)
	if diff := cmp.Diff(protection.Codes(), codes); diff != "" {
		t.Errorf("findings (-code +README):\n%s", diff)
	}
	for _, outcome := range []report.Outcome{
		report.Compliant, report.Started, report.Protected, report.Planned, report.Exempt, report.Held, report.Waiting,
		report.Deferred, report.Blocked, report.Failed, report.Rejected,
	} {
		if !strings.Contains(read(t), "| `"+string(outcome)+"` |") {
			t.Errorf("README does not say what %s means", outcome)
		}
	}
}
