package main

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPending     = 3
	exitInterrupted = 130
)

// exitMeanings say what each exit status means. deploy/docs/reference/commands.md has the
// same table.
var exitMeanings = []struct {
	status  int
	meaning string
}{
	{exitDone, "it is as asked"},
	{exitFailed, "something failed, or a signature is bad; or `apply` left a service blocked, held, exempt, waiting, deferred, contested or " +
		"uncovered, or with a door that is open or unknown"},
	{exitUsage, "wrong usage or unreadable input"},
	{exitPending, "with `--exit-code`: there are steps to take, a door is unguarded or may be, or an outcome differs; of `verify`: a " +
		"report is not signed, or missing in the bucket"},
	{exitInterrupted, "interrupted: `apply` finishes the step that is under way, a second Ctrl-C ends it at once"},
}

// exits are the exit statuses by how a service ended: of apply, which was asked to protect
// it, and of commands that only look at it.
var exits = map[report.Outcome]struct{ apply, look int }{
	report.Compliant:  {exitDone, exitDone},
	report.Protected:  {exitDone, exitDone},
	report.Redeployed: {exitDone, exitDone},
	report.Planned:    {exitFailed, exitDone},
	report.Exempt:     {exitFailed, exitDone},
	report.Held:       {exitFailed, exitDone},
	report.Waiting:    {exitFailed, exitDone},
	report.Deferred:   {exitFailed, exitDone},
	report.Contested:  {exitFailed, exitDone},
	report.Uncovered:  {exitFailed, exitDone},
	report.Blocked:    {exitFailed, exitDone},
	report.Started:    {exitFailed, exitDone}, // an end that it is not
	report.Rejected:   {exitFailed, exitFailed},
	report.Failed:     {exitFailed, exitFailed},
}

// applied is the exit status of apply for one service.
func appliedStatus(final report.Report) int {
	status, known := exits[final.Outcome]
	if !known || doorLeft(final) != "" {
		return exitFailed
	}
	return status.apply
}

// lookedStatus is the exit status of a command that only looks at one service. A service of
// which nothing could be read was not looked at.
func lookedStatus(final report.Report) int {
	status, known := exits[final.Outcome]
	unread := final.Outcome == report.Blocked && (final.Target == nil || final.Target.UID == "")
	if !known || unread {
		return exitFailed
	}
	return status.look
}

// doorLeft says which door of a service is open or unknown, "" where none is. What the
// policy accepts as unknown is not counted.
func doorLeft(r report.Report) string {
	if r.Exposed != door.Yes && (r.Exposed != door.Unknown || r.Accepted) {
		return ""
	}
	for _, words := range []string{"is open", "may be open"} {
		for _, each := range r.Doors {
			open := each.Guard.Exposed()
			if open && words == "is open" || each.Guard == door.GuardUnknown && words == "may be open" {
				if each.Why != "" {
					return fmt.Sprintf("%s %s: %s", doorName(each), words, each.Why)
				}
				return doorName(each) + " " + words
			}
		}
	}
	return "whether a door is open is not known"
}
