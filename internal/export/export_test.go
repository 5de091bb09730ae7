package export

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	validate "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.2"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

const source = "organizations/12/sources/34"

// published are reports of every kind, which become different documents.
func published() map[string]report.Report {
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	since := at.Add(-time.Hour)
	shop := &report.Target{Project: "shop-prod", Location: "us-central1", Service: "shop",
		Labels: map[string]string{"team": "store"}}
	base := report.Report{ObservedAt: at, Version: "0.1.0", Target: shop, Outcome: report.Blocked, Exposed: door.Yes,
		ExposedSince: &since, Policy: &report.Policy{Rule: "shops"}, Advice: []string{"turn the CDN off"},
		Findings: []report.Finding{{Code: "PUBLIC_INVOKER"}, {Code: "INGRESS_OPEN"}}}
	unknown, exempt, closed, bare := base, base, base, base
	unknown.Exposed, unknown.Doors = door.Unknown, []report.Door{{Kind: door.DefaultURL, Guard: door.GuardUnknown}}
	exempt.Outcome = report.Exempt
	closed.Outcome, closed.Exposed, closed.ExposedUntil = report.Protected, door.No, &at
	bare = report.Report{ObservedAt: at, Version: "0.1.0", Target: shop, Outcome: report.Compliant, Exposed: door.No}
	return map[string]report.Report{"open": base, "unknown": unknown, "exempt": exempt, "closed": closed,
		"compliant": bare}
}

// The schema of OCSF 1.2, as schema.ocsf.io publishes it, is in the module that validates.
func TestEveryEventValidatesAgainstTheSchemaOfOCSF(t *testing.T) {
	want := map[string][4]int{ // activity, severity, status, status of the control
		"open": {2, 4, 1, 3}, "unknown": {2, 3, 1, 2}, "exempt": {2, 2, 3, 2}, "closed": {3, 1, 4, 1},
		"compliant": {3, 1, 4, 1}}
	for name, r := range published() {
		event, ok := OCSF(r)
		if !ok {
			t.Errorf("%s: no event", name)
			continue
		}
		text, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Validate("compliance_finding", text); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
		}
		if got := [4]int{event.ActivityID, event.SeverityID, event.StatusID, event.Compliance.StatusID}; got != want[name] {
			t.Errorf("%s: activity, severity, status, control are %v, want %v", name, got, want[name])
		}
	}
	broken := []byte(`{"class_uid": 2003, "activity_id": "open"}`)
	if validate.Validate("compliance_finding", broken) == nil {
		t.Error("the schema takes anything")
	}
}

// property is one of a type in Google's discovery document.
type property struct {
	Type, Format string
	Enum         []string
	ReadOnly     bool
}

// ofGoogle are the fields of a finding, as the discovery document beside Google's client has
// them.
func ofGoogle(t *testing.T) map[string]property {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	const document = "securitycenter/v1/securitycenter-api.json"
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), document))
	if err != nil {
		t.Fatal(err)
	}
	var discovery struct {
		Schemas map[string]struct{ Properties map[string]property }
	}
	if err := json.Unmarshal(text, &discovery); err != nil || len(discovery.Schemas["Finding"].Properties) == 0 {
		t.Fatalf("the discovery document has no findings: %v", err)
	}
	return discovery.Schemas["Finding"].Properties
}

func TestEveryFindingFitsGooglesDiscoveryDocument(t *testing.T) {
	fields := ofGoogle(t)
	states := map[string]string{"open": "ACTIVE HIGH", "unknown": "ACTIVE MEDIUM", "exempt": "ACTIVE LOW",
		"closed": "INACTIVE LOW", "compliant": "INACTIVE LOW"}
	for name, r := range published() {
		finding, ok := SecurityCommandCenter(r, source)
		if got := finding.State + " " + finding.Severity; !ok || got != states[name] {
			t.Errorf("%s: %s, want %s", name, got, states[name])
		}
		// organizations/O/sources/S/findings/ID, the id of 1 to 32 letters and digits.
		if !regexp.MustCompile(`^organizations/12/sources/34/findings/[a-z0-9]{1,32}$`).MatchString(finding.Name) {
			t.Errorf("%s: its name is %s", name, finding.Name)
		}
		text, err := json.Marshal(finding)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		for key, value := range members {
			field, known := fields[key]
			_, isText := value.(string)
			switch {
			case !known || field.ReadOnly:
				t.Errorf("%s: Google's findings have no %s to write", name, key)
			case field.Type == "string" && !isText:
				t.Errorf("%s: %s is %v, want a text", name, key, value)
			case len(field.Enum) > 0 && !slices.Contains(field.Enum, value.(string)):
				t.Errorf("%s: %s is %v, want one of %v", name, key, value, field.Enum)
			case field.Format == "google-datetime":
				if _, err := time.Parse(time.RFC3339, value.(string)); err != nil {
					t.Errorf("%s: %s: %v", name, key, err)
				}
			}
		}
	}
}

// What an earlier report opened, a later one closes.
func TestAllReportsOnAServiceAreAboutOneFinding(t *testing.T) {
	names, uids := map[string]bool{}, map[string]bool{}
	for _, r := range published() {
		finding, _ := SecurityCommandCenter(r, source)
		event, _ := OCSF(r)
		names[finding.Name], uids[event.FindingInfo.UID] = true, true
	}
	if len(names) != 1 || len(uids) != 1 {
		t.Errorf("the findings of one service are %v and %v", names, uids)
	}
	other := published()["open"]
	other.Target = &report.Target{Project: "shop-prod", Location: "us-central1", Service: "shop-2"}
	if finding, _ := SecurityCommandCenter(other, source); names[finding.Name] {
		t.Error("two services have one finding")
	}
}

func TestAReportWithoutAServiceHasNoFinding(t *testing.T) {
	for name, r := range map[string]report.Report{"rejected": {Outcome: report.Rejected},
		"failed": {Outcome: report.Failed, Target: published()["open"].Target}} {
		if finding, ok := SecurityCommandCenter(r, source); ok {
			t.Errorf("%s: %+v", name, finding)
		}
		if event, ok := OCSF(r); ok {
			t.Errorf("%s: %+v", name, event)
		}
	}
}
