package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/iapguard/iapguard/internal/report"
)

// stream returns what prints a service as soon as it is known, where the format is one of lines.
func (s *auditShown) stream(format string, out io.Writer) func(audited) {
	if format != "ndjson" || s.summary {
		return func(audited) {}
	}
	lines := json.NewEncoder(out)
	return func(one audited) {
		if s.chooses(one) {
			_ = lines.Encode(one) // an error of the write ends the program with exitFailed
		}
	}
}

// counted is what the totals need of a service that was printed.
func (a audited) counted() audited {
	kept := audited{Service: a.Service, Outcome: a.Outcome, Exposed: a.Exposed, Accepted: a.Accepted, Error: a.Error}
	for _, each := range a.Doors {
		kept.Doors = append(kept.Doors, report.Door{Guard: each.Guard, Count: each.Count})
	}
	return kept
}

// end is the last line of an audit whose services were printed before: all but these.
func (a audit) end() ([]byte, error) {
	text, err := a.json()
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("encoding the audit: %w", err)
	}
	delete(members, "services")
	if text, err = json.Marshal(members); err != nil {
		return nil, fmt.Errorf("encoding the audit: %w", err)
	}
	return append(text, '\n'), nil
}

// unread are the services that could not be read, and the places that could not be listed.
func (a audit) unread() []audited {
	var unread []audited
	for _, one := range a.Services {
		if one.Error != "" {
			unread = append(unread, one)
		}
	}
	return unread
}

// mostUnread bounds how many are named on standard error. Every format of lines and objects has
// all.
const mostUnread = 50

// noteUnread says on standard error what was not read, and why.
func noteUnread(stderr io.Writer, unread []audited) {
	note(stderr, "not read, and so not known to be shut:")
	screen := newScreen(stderr)
	for _, one := range unread[:min(len(unread), mostUnread)] {
		screen.print(line{lead: "  " + one.Service + ": ", text: one.Error, hang: 4})
	}
	if more := len(unread) - mostUnread; more > 0 {
		screen.print(textLine("  and %d more: --format json has all", more))
	}
}
