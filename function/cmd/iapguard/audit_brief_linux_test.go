package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// many is an audit of so many services: three of a hundred are open, one is not known, the
// longest names among them.
func many(n int) audit {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	a := audit{ObservedAt: now, Version: "0.1.0", Scope: []string{"folders/123456789012"}, Policy: "0123456789ab"}
	for i := range n {
		name := fmt.Sprintf("projects/shop-%02d/locations/us-central1/services/app-%04d", i%20, i)
		one := audited{Service: name, Outcome: report.Compliant, Exposed: door.No, Rule: "shops", Mode: policy.Enforce,
			Team:  []string{"payments", "search", ""}[i%3],
			Doors: []report.Door{{Kind: door.LoadBalancer, Address: "https://app.example.com", Guard: door.GuardIAP}}}
		if i%100 == 7 {
			one.AsOf = &asOf{now.Add(-time.Minute), byInventory}
		}
		switch i % 100 {
		case 7, 20, 33:
			since := now.Add(-time.Duration(i) * time.Hour)
			one.Exposed, one.ExposedSince, one.Outcome = door.Yes, &since, report.Planned
			one.Service = name[:len(name)-8] + strings.Repeat("x", 55) + name[len(name)-8:]
			one.Doors = append(one.Doors, report.Door{Kind: door.DefaultURL, Guard: door.GuardOpen,
				Address: "https://app-123456789012.us-central1.run.app"})
			one.Findings = []report.Finding{{Code: "PUBLIC_INVOKER", Severity: protection.High,
				Why: "everybody may invoke it (allUsers)"}}
		case 50:
			one.Exposed, one.AsOf = door.Unknown, &asOf{now.Add(-10 * time.Minute), byEarlierRun}
			one.Unread = []report.Unread{{Resource: name, Why: "403: run.services.getIamPolicy is missing"}}
			one.Doors = []report.Door{{Kind: door.DefaultURL, Address: "https://a.run.app", Guard: door.GuardUnknown}}
		case 60:
			one.Outcome, one.Exposed = report.Exempt, door.Yes
			one.Exemption = &report.Exemption{Owner: "its team", Ticket: "SEC-1", Reason: "=1+1", Expires: now}
		}
		a.Services = append(a.Services, one)
	}
	a.sort()
	a.Totals = a.count()
	return a
}

func TestAThousandServicesFitAScreen(t *testing.T) {
	shown := auditShown{sort: "risk"}
	for _, width := range []int{80, 120} {
		text := shown.text(many(1000), rendering{width: width})
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) > 45 || lines[0] != "OPEN: 30 of 1000 services; 10 not known, 950 guarded, 10 exempt" {
			t.Errorf("%d lines, the first is %q", len(lines), lines[0])
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > width && !strings.Contains(line, "/services/") {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
		goldenScreen(t, fmt.Sprintf("audit-%d.txt", width), text)
		goldenScreen(t, fmt.Sprintf("audit-%d-colour.txt", width), shown.text(many(1000), rendering{width: width, colour: true}))
	}
	goldenScreen(t, "audit-wide-of-four.txt", (&auditShown{sort: "risk", wide: true}).text(many(8), rendering{}))
	goldenScreen(t, "audit-by-team.txt", (&auditShown{sort: "since", groupBy: "team", summary: true}).text(many(1000), rendering{width: 80}))
	goldenScreen(t, "audit.md", (&auditShown{sort: "risk", only: []string{"unknown"}, groupBy: "rule"}).markdown(many(200)))
	text, err := (&auditShown{sort: "service", only: []string{"open", "exempt"}}).csv(many(100))
	if err != nil {
		t.Fatal(err)
	}
	goldenScreen(t, "audit.csv", string(text))
}

func TestNothingOpenIsSaidFirst(t *testing.T) {
	a := many(5)
	a.Comparison = &comparison{New: []auditedDoor{}, Fixed: []auditedDoor{{Service: "s"}}}
	if line, _, _ := strings.Cut((&auditShown{sort: "risk"}).text(a, rendering{}), "\n"); line !=
		"nothing is open of 5 services; 0 not known, 5 guarded; doors since then: 0 new, 1 fixed" {
		t.Errorf("the first line is %q", line)
	}
	unread := many(60)
	unread.Services = slices.DeleteFunc(unread.Services, func(s audited) bool { return s.stands() == standsOpen })
	if line, _, _ := strings.Cut((&auditShown{sort: "risk"}).text(unread, rendering{}), "\n"); !strings.HasPrefix(line,
		"nothing is known to be open of ") || strings.Contains(line, "; 0 not known") {
		t.Errorf("with an unknown service: %q", line)
	}
	if text := (&auditShown{sort: "risk"}).text(audit{}, rendering{width: 20}); !strings.HasPrefix(text, "nothing is open of 0\n") {
		t.Errorf("of no service: %q", text)
	}
}

func TestWhatIsChosenIsShown(t *testing.T) {
	for _, tc := range []struct {
		shown auditShown
		want  int
	}{
		{auditShown{sort: "risk"}, 100},
		{auditShown{sort: "risk", only: []string{"open"}}, 3},
		{auditShown{sort: "since", only: []string{"open", "unknown"}}, 4},
		{auditShown{sort: "team", team: "search"}, 33},
		{auditShown{sort: "service", team: "nobody"}, 0},
	} {
		if got := tc.shown.of(many(100)); len(got) != tc.want {
			t.Errorf("%+v: %d services, want %d", tc.shown, len(got), tc.want)
		}
	}
	longest := (&auditShown{sort: "since"}).of(many(100))[0]
	if longest.ExposedSince == nil || time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC).Sub(*longest.ExposedSince) != 33*time.Hour {
		t.Errorf("first by since: %+v", longest)
	}
}

func TestTheAuditFitsItsSchema(t *testing.T) {
	file, err := os.Open("../../../deploy/audit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("audit.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("audit.json")
	if err != nil {
		t.Fatal(err)
	}
	a := many(100)
	a.Comparison = &comparison{New: []auditedDoor{{"s", door.DefaultURL, "a"}}, Fixed: []auditedDoor{},
		Unchanged: []auditedDoor{}, Earlier: earlierAudit{a.ObservedAt, "none", a.Totals}}
	a.Services[1].Steps = []report.Step{{Op: "enable-iap", Result: report.StepPlanned}}
	a.Services[0].Error = "it could not be listed"
	text, err := a.json()
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	members, _ := value.(map[string]any)
	delete(members, "totals")
	if schema.Validate(members) == nil {
		t.Error("an audit without totals fits too")
	}
	members["totals"], members["other"] = map[string]any{}, 1
	if schema.Validate(members) == nil {
		t.Error("an audit with another member fits too")
	}
}
