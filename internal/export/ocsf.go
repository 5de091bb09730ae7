package export

import (
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

// Event is a Compliance Finding of OCSF 1.2 (schema.ocsf.io, class 2003): a service is
// checked against one control, and passes or not.
type Event struct {
	ActivityID  int         `json:"activity_id"`
	CategoryUID int         `json:"category_uid"`
	ClassUID    int         `json:"class_uid"`
	TypeUID     int         `json:"type_uid"`
	SeverityID  int         `json:"severity_id"`
	StatusID    int         `json:"status_id"`
	Time        int64       `json:"time"` // milliseconds since 1970
	Message     string      `json:"message"`
	Metadata    metadata    `json:"metadata"`
	FindingInfo findingInfo `json:"finding_info"`
	Compliance  compliance  `json:"compliance"`
	Resource    resource    `json:"resource"`
	Cloud       cloud       `json:"cloud"`
	Remediation *remedy     `json:"remediation,omitempty"`
}

type metadata struct {
	Version  string   `json:"version"` // of OCSF
	UID      string   `json:"uid"`
	Profiles []string `json:"profiles"`
	Product  product  `json:"product"`
}

type product struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version"`
}

type findingInfo struct {
	UID       string   `json:"uid"`
	Title     string   `json:"title"`
	Desc      string   `json:"desc"`
	Types     []string `json:"types,omitempty"`
	FirstSeen int64    `json:"first_seen_time,omitempty"`
	LastSeen  int64    `json:"last_seen_time"`
	SourceURL string   `json:"src_url"`
}

type compliance struct {
	Control   string   `json:"control"`
	Standards []string `json:"standards"`
	StatusID  int      `json:"status_id"`
}

type resource struct {
	UID       string   `json:"uid"`
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Region    string   `json:"region"`
	Namespace string   `json:"namespace"` // the project
	Labels    []string `json:"labels,omitempty"`
}

type cloud struct {
	Provider string `json:"provider"`
	Region   string `json:"region"`
	Project  string `json:"project_uid"`
}

type remedy struct {
	Desc string `json:"desc"`
}

// The ids of OCSF that are used here: dictionary of 1.2.
const (
	classComplianceFinding, categoryFindings    = 2003, 2
	activityUpdate, activityClose               = 2, 3
	severityInformational, severityLow          = 1, 2
	severityMedium, severityHigh                = 3, 4
	statusNew, statusSuppressed, statusResolved = 1, 3, 4
	passed, warned, failedControl               = 1, 2, 3
)

// OCSF returns the event about the service of a report. A report that does not say whether
// its service is exposed has none.
func OCSF(r report.Report) (Event, bool) {
	if r.Target == nil || r.Exposed == "" {
		return Event{}, false
	}
	e := Event{
		ActivityID: activityUpdate, CategoryUID: categoryFindings, ClassUID: classComplianceFinding,
		SeverityID: severityHigh, StatusID: statusNew, Time: r.ObservedAt.UnixMilli(), Message: description(r),
		Metadata: metadata{"1.2.0", r.ID(), []string{"cloud"}, product{"iapguard", "iapguard", r.Version}},
		FindingInfo: findingInfo{UID: id(r), Title: title, Desc: description(r), Types: r.Codes(),
			LastSeen: r.ObservedAt.UnixMilli(), SourceURL: page(r)},
		Compliance: compliance{title, []string{"the policy of iapguard"}, failedControl},
		Resource: resource{UID: r.Subject(), Name: r.Target.Service, Type: "run.googleapis.com/Service",
			Region: r.Target.Location, Namespace: r.Target.Project},
		Cloud: cloud{"GCP", r.Target.Location, r.Target.Project},
	}
	switch {
	case r.Exposed == door.No:
		e.ActivityID, e.SeverityID, e.StatusID = activityClose, severityInformational, statusResolved
		e.Compliance.StatusID = passed
	case r.Outcome == report.Exempt:
		e.SeverityID, e.StatusID, e.Compliance.StatusID = severityLow, statusSuppressed, warned
	case r.Exposed == door.Unknown:
		e.SeverityID, e.Compliance.StatusID = severityMedium, warned
	}
	e.TypeUID = e.ClassUID*100 + e.ActivityID
	if r.ExposedSince != nil {
		e.FindingInfo.FirstSeen = r.ExposedSince.UnixMilli()
	}
	if team := r.Target.Labels["team"]; team != "" {
		e.Resource.Labels = []string{"team:" + team}
	}
	if len(r.Advice) > 0 {
		e.Remediation = &remedy{strings.Join(r.Advice, "\n")}
	}
	return e, true
}
