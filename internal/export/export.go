// Package export turns a report into the documents that security tools read: a finding of
// Google's Security Command Center, and a Compliance Finding of the Open Cybersecurity
// Schema Framework (OCSF). It is pure: what is done with a document is decided elsewhere.
//
// One service has one finding, whose id is made of its name alone. So a later report about
// the service changes the finding that an earlier one made, and the same report twice
// changes nothing.
package export

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

// title says what the control is, and category names it for Security Command Center.
const (
	title    = "Visitors of a Cloud Run service are let in by IAP or IAM"
	category = "CLOUD_RUN_SERVICE_EXPOSED"
)

// Finding is a finding of Security Command Center, with the fields of its API (securitycenter
// v1, Finding) that are set here.
type Finding struct {
	Name             string         `json:"name"` // organizations/O/sources/S/findings/ID
	State            string         `json:"state"`
	Category         string         `json:"category"`
	ResourceName     string         `json:"resourceName"`
	FindingClass     string         `json:"findingClass"`
	Severity         string         `json:"severity"`
	EventTime        time.Time      `json:"eventTime"`
	ExternalURI      string         `json:"externalUri"`
	Description      string         `json:"description,omitempty"`
	NextSteps        string         `json:"nextSteps,omitempty"`
	SourceProperties map[string]any `json:"sourceProperties"`
}

// Active reports whether the finding stands.
func (f Finding) Active() bool { return f.State == "ACTIVE" }

// SecurityCommandCenter returns the finding of a source, organizations/O/sources/S, about the
// service of a report. A report that does not say whether its service is exposed has none.
func SecurityCommandCenter(r report.Report, source string) (Finding, bool) {
	if r.Target == nil || r.Exposed == "" {
		return Finding{}, false
	}
	f := Finding{
		Name: source + "/findings/" + id(r), State: "ACTIVE", Category: category, FindingClass: "MISCONFIGURATION",
		ResourceName: "//run.googleapis.com/" + r.Subject(), EventTime: r.ObservedAt.UTC(), ExternalURI: page(r),
		Description: description(r), NextSteps: strings.Join(r.Advice, "\n"),
		SourceProperties: map[string]any{"report": r.ID(), "outcome": string(r.Outcome), "exposed": string(r.Exposed)},
	}
	switch {
	case r.Exposed == door.No:
		f.State, f.Severity = "INACTIVE", "LOW"
	case r.Outcome == report.Exempt:
		f.Severity = "LOW"
	case r.Exposed == door.Unknown:
		f.Severity = "MEDIUM"
	default:
		f.Severity = "HIGH"
	}
	if codes := r.Codes(); len(codes) > 0 {
		f.SourceProperties["codes"] = strings.Join(codes, " ")
	}
	if r.ExposedSince != nil {
		f.SourceProperties["exposedSince"] = r.ExposedSince.UTC().Format(time.RFC3339)
	}
	if r.Policy != nil {
		f.SourceProperties["rule"] = r.Policy.Rule
	}
	return f, true
}

// id names the finding about a service: letters and digits, at most 32.
func id(r report.Report) string {
	sum := sha256.Sum256([]byte(r.Subject()))
	return hex.EncodeToString(sum[:16])
}

// page is the service's page in Google's console.
func page(r report.Report) string {
	return "https://console.cloud.google.com/run/detail/" + r.Target.Location + "/" + r.Target.Service +
		"/security?project=" + r.Target.Project
}

// description says how exposed the service is.
func description(r report.Report) string {
	switch r.Exposed {
	case door.Yes:
		return "People get in who are not named anywhere: " + r.OpenBecause() + "."
	case door.Unknown:
		return "It is not known who gets in: " + r.OpenBecause() + "."
	}
	return "IAP or IAM guards every door that was looked at."
}
