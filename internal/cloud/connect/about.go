package connect

import (
	"strings"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// About returns an error where an answer is about another resource than the one that was
// asked for: a proxy or a cache on the way mixed them up, and nothing of it counts. Both
// are names such as projects/P/locations/L/services/S; a project is named by its id or by
// its number.
func About(asked, answered string) error {
	if project, rest := inProject(asked); project != "" {
		other, same := inProject(answered)
		comparable := posture.ValidProjectNumber(project) == posture.ValidProjectNumber(other)
		if rest == same && (project == other || !comparable) {
			return nil
		}
	} else if asked == answered {
		return nil
	}
	return fault.New(fault.Unavailable, "the answer is about %q, and %q was asked for: check the endpoint and the proxies "+
		"on the way", answered, asked)
}

// inProject splits a name into its project and what follows, "" where no project is named.
func inProject(name string) (project, rest string) {
	inside, found := strings.CutPrefix(name, "projects/")
	if !found {
		return "", ""
	}
	project, rest, _ = strings.Cut(inside, "/")
	return project, rest
}
