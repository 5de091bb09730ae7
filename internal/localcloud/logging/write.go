package logging

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// writable are the members of a LogEntry that a client may write here; a
// protoPayload is Google's own services' business.
var writable = map[string]bool{
	"logName": true, "resource": true, "timestamp": true, "insertId": true, "severity": true, "labels": true,
	"jsonPayload": true, "textPayload": true, "httpRequest": true, "operation": true, "trace": true, "spanId": true,
}

// requestLogs are the logs of requests to Cloud Run and to load balancers. Whether a client
// may write their entries is unverified.
var requestLogs = []string{"requests", "run.googleapis.com/requests", "loadbalancing.googleapis.com/requests",
	"loadbalancing.googleapis.com/external_regional_requests"}

// logName is what an entry's log may be called. Folders and organisations are
// above the projects, and their entries are routed like theirs
// (logging/docs/reference/v2/rest/v2/entries/write).
var logName = regexp.MustCompile(`^((?:projects|folders|organizations)/[^/]+)/logs/([A-Za-z0-9._%-]{1,511})$`)

// writeEntries answers entries.write. All entries are checked before any is
// written: none is written of a request that has a wrong one.
func (r *Router) writeEntries(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	for key := range body {
		if !slices.Contains([]string{"logName", "resource", "labels", "entries", "partialSuccess", "dryRun"}, key) {
			return nil, apiserver.UnknownField(key, "")
		}
	}
	list := apiserver.List(body, "entries")
	if len(list) == 0 {
		return nil, apiserver.Invalid("No entries were provided.")
	}
	entries := make([]Entry, len(list))
	for i, each := range list {
		sent, _ := each.(map[string]any)
		if entries[i], err = written(call.Server(), sent, body); err != nil {
			return nil, err
		}
		owner, _, _ := strings.Cut(entries[i].LogName, "/logs/")
		if err := mayUse(call, "create", owner); err != nil {
			return nil, err
		}
	}
	if body["dryRun"] == true {
		return map[string]any{}, nil
	}
	for _, entry := range entries {
		r.Write(entry)
	}
	return map[string]any{}, nil
}

// written is one entry as it is kept, with the request's defaults where it says
// nothing itself.
func written(s *apiserver.Server, sent, defaults map[string]any) (Entry, error) {
	whole := map[string]any{}
	for key, value := range sent {
		if !writable[key] {
			return Entry{}, apiserver.UnknownField(key, "entries")
		}
		whole[key] = value
	}
	for _, key := range []string{"logName", "resource"} {
		if whole[key] == nil {
			whole[key] = defaults[key]
		}
	}
	labels := map[string]any{}
	for _, from := range []map[string]any{apiserver.Object(defaults, "labels"), apiserver.Object(sent, "labels")} {
		for key, value := range from {
			labels[key] = value
		}
	}
	whole["labels"] = labels
	var entry Entry
	text, err := json.Marshal(whole)
	if err == nil {
		err = json.Unmarshal(text, &entry)
	}
	if err != nil {
		return Entry{}, apiserver.Invalid("Invalid value at 'entries': %v", err)
	}
	return entry, entry.check(s)
}

// check completes an entry that a client wrote, or says what is wrong with it.
func (e *Entry) check(s *apiserver.Server) error {
	owner, id, err := splitLog(s, e.LogName)
	if err != nil {
		return err
	}
	payloads := 0
	for _, there := range []bool{e.JSONPayload != nil, e.TextPayload != ""} {
		if there {
			payloads++
		}
	}
	switch {
	case strings.HasPrefix(id, "cloudaudit.googleapis.com/"):
		return apiserver.Denied("The log %s is written by Google alone.", e.LogName)
	case s.Beliefs().RefuseRequestLogs && slices.Contains(requestLogs, id):
		return apiserver.Denied("The log %s is written by Google alone.", e.LogName)
	case e.Resource.Type == "":
		return apiserver.Invalid("A monitored resource is required for the log entry.")
	case payloads > 1:
		return apiserver.Invalid("A log entry has one payload.")
	case e.Severity != "" && !slices.Contains(severities, e.Severity):
		return apiserver.Invalid("Invalid value at 'entries.severity': %q", e.Severity)
	}
	if e.Timestamp != "" {
		at, err := time.Parse(time.RFC3339Nano, e.Timestamp)
		if err != nil {
			return apiserver.Invalid("Invalid value at 'entries.timestamp': %q", e.Timestamp)
		}
		e.Timestamp = timestamp(at)
	}
	if project, ok := strings.CutPrefix(owner, "projects/"); ok && e.Resource.Labels["project_id"] == "" {
		labels := map[string]string{"project_id": project}
		for key, value := range e.Resource.Labels {
			labels[key] = value
		}
		e.Resource.Labels = labels
	}
	e.LogName = owner + "/logs/" + url.PathEscape(id)
	return nil
}

// splitLog is what has a log, a project by its id, and the log's id unescaped.
func splitLog(s *apiserver.Server, name string) (owner, id string, err error) {
	part := logName.FindStringSubmatch(name)
	if part == nil {
		return "", "", apiserver.Invalid("Invalid log name %q: write projects/P/logs/LOG, folders/N/logs/LOG or organizations/N/logs/LOG, LOG URL-encoded.", name)
	}
	owner = part[1]
	if organization, ok := strings.CutPrefix(owner, "organizations/"); ok && organization != apiserver.OrganizationID {
		return "", "", apiserver.Denied("Permission 'logging.logEntries.create' denied on resource (or it may not exist): %s", owner)
	}
	if project, ok := strings.CutPrefix(owner, "projects/"); ok {
		found, ok := s.Project(project)
		if !ok {
			return "", "", apiserver.Denied("Permission 'logging.logEntries.create' denied on resource (or it may not exist): %s", owner)
		}
		owner = found.Name()
	}
	if id, err = url.PathUnescape(part[2]); err != nil {
		return "", "", apiserver.Invalid("Invalid log name %q: %v", name, err)
	}
	return owner, id, nil
}
