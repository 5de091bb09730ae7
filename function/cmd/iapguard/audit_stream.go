package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
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
	kept := audited{Service: a.Service, Outcome: a.Outcome, Exposed: a.Exposed, Accepted: a.Accepted, Error: a.Error, AsOf: a.AsOf}
	if a.notRead() != "" {
		kept.Unread = a.Unread
	}
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

// notRead is why a look at a service came to no end: nothing was read of it, or another look may
// read what this one could not. It is "" where that is not so, also where a person has to grant a
// permission first: what they lack is unread in every audit of theirs. What the policy accepts as
// unread is counted, and not named.
func (a audited) notRead() string {
	own := slices.ContainsFunc(a.Unread, func(u report.Unread) bool { return u.Resource == a.Service })
	switch {
	case a.Error != "":
		return a.Error
	case a.Accepted || !own && a.Outcome != report.Failed:
		return ""
	}
	var why []string
	for _, one := range a.Unread {
		if !slices.Contains(why, one.Why) {
			why = append(why, one.Why)
		}
	}
	return cmp.Or(strings.Join(why, "; "), "the look failed")
}

// unread are the services that could not be read, and the places that could not be listed.
func (a audit) unread() []audited {
	var unread []audited
	for _, one := range a.Services {
		if one.notRead() != "" {
			unread = append(unread, one)
		}
	}
	return unread
}

// mostUnread bounds how many are named on standard error. Every format of lines and objects has
// all.
const mostUnread = 50

// noteUnread says on standard error what was not read, and why. A service that is known to be open
// is named apart: that is known of it, whatever else was not read.
func noteUnread(stderr io.Writer, unread []audited) {
	screen := newScreen(stderr)
	unread = slices.Clone(unread)
	slices.SortStableFunc(unread, func(a, b audited) int { return cmp.Compare(a.unreadTitle(), b.unreadTitle()) })
	title := ""
	for _, one := range unread[:min(len(unread), mostUnread)] {
		if next := one.unreadTitle(); next != title {
			title = next
			note(stderr, "%s", title)
		}
		screen.print(line{lead: "  " + one.Service + ": ", text: one.notRead(), hang: 4})
	}
	if more := len(unread) - mostUnread; more > 0 {
		screen.print(textLine("  and %d more: --format json has all", more))
	}
}

// unreadTitle is what it means that a service was not read.
func (a audited) unreadTitle() string {
	if a.Error == "" && a.Exposed == door.Yes {
		return "open, and not read in full:"
	}
	return "not read, and so not known to be shut:"
}
