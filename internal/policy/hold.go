package policy

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// Holds is the content of a holds file, with the holds that have ended.
type Holds struct{ list []Hold }

// Plus returns the holds with more, which replace none.
func (h Holds) Plus(holds ...Hold) Holds { return Holds{slices.Concat(h.list, holds)} }

// And returns the holds together with others.
func (h Holds) And(others Holds) Holds { return h.Plus(others.list...) }

// Has reports whether a hold of exactly this name is in force at a time.
func (h Holds) Has(name string, at time.Time) bool {
	return slices.ContainsFunc(h.At(at), func(hold Hold) bool { return hold.Name() == name })
}

// ParseHolds reads the text of a holds file: version: 1, and under holds the
// target, until, reason and by of each. An empty text is an error.
func ParseHolds(text []byte) (Holds, error) {
	r, holds := &reader{}, Holds{}
	body, err := r.document(text)
	if err != nil {
		return holds, err
	}
	if body == nil {
		return holds, strictyaml.InText(text, 0, "the holds file is empty: write version: 1")
	}
	r.mapping(body, "the holds file", keys{
		"version": r.one,
		"holds":   r.entries("holds", func(n *yaml.Node) { holds.list = append(holds.list, r.hold(n)) }),
	}, "version")
	return holds, r.refusal(body)
}

func (r *reader) hold(n *yaml.Node) Hold {
	read := Hold{Line: n.Line}
	r.mapping(n, "a hold", keys{
		"target": func(n *yaml.Node) {
			var name string
			r.text("target", &name)(n)
			on, err := HoldOn(name)
			if name != "" && err != nil {
				r.complain(n, "%v", err)
			}
			read.Scope, read.Above = on.Scope, on.Above
		},
		"since":  r.date("since", &read.Since),
		"until":  r.lastDay("until", &read.Until),
		"reason": r.text("reason", &read.Reason),
		"by":     r.text("by", &read.By),
	}, "target", "until", "reason", "by")
	return read
}

var containerText = regexp.MustCompile(`^(folders|organizations)/[1-9][0-9]{0,18}$`)

// HoldOn returns a hold on a service, location, project, folder or organization, without an
// end. Its error is one line that says what is wrong with the name and what to write.
func HoldOn(name string) (Hold, error) {
	if posture.AboveProject(name) {
		if !containerText.MatchString(name) {
			return Hold{}, fmt.Errorf("target %s is not a folder or an organization: write folders/NUMBER or "+
				"organizations/NUMBER", posture.Quote(name))
		}
		return Hold{Above: name}, nil
	}
	scope, err := posture.ParseScope(name)
	return Hold{Scope: scope}, err
}

// Name is the resource name of what is held.
func (h Hold) Name() string { return cmp.Or(h.Above, h.Scope.Name()) }

// ReadHolds reads a holds file. While it returns an error, the caller must not
// write to any service.
func ReadHolds(name string) (Holds, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Holds{}, fmt.Errorf("reading holds: %w", err)
	}
	holds, err := ParseHolds(text)
	if err != nil {
		return Holds{}, strictyaml.In(name, err)
	}
	return holds, nil
}

// On returns the hold on a service, its location or its project that stops writes at a
// time, the longest if several do, or nil. A hold may name the project by its number;
// projectNumber is "" where that is not known.
func (h Holds) On(target posture.Target, projectNumber string, at time.Time) *Hold {
	return h.Covering(Subject{Target: target, ProjectNumber: projectNumber, Ancestors: posture.Ancestors{Known: true}}, at)
}

// Covering returns the hold that stops writes to a service at a time, the longest if
// several do, or nil. While what is above the project is not known, every hold on a folder
// or an organization stops them; its Doubt says so.
func (h Holds) Covering(s Subject, at time.Time) *Hold {
	var longest *Hold
	for _, hold := range h.list {
		if !at.Before(hold.Until) || !hold.covers(s) {
			continue
		}
		if hold.Above != "" && !s.Ancestors.Known {
			hold.Doubt = cmp.Or(s.Ancestors.Unread, "it was not read")
		}
		certain := longest != nil && longest.Doubt != "" && hold.Doubt == ""
		doubtful := longest != nil && longest.Doubt == "" && hold.Doubt != ""
		if longest == nil || certain || !doubtful && hold.Until.After(longest.Until) {
			longest = &hold
		}
	}
	return longest
}

// covers reports whether a service lies, or may lie, in the hold's scope.
func (h Hold) covers(s Subject) bool {
	if h.Above != "" {
		return !s.Ancestors.Known || slices.Contains(s.Ancestors.Containers(), h.Above)
	}
	scope := h.Scope
	return (scope.Project == s.Project || scope.Project == s.ProjectNumber) &&
		(scope.Location == "" || scope.Location == s.Location) && (scope.Service == "" || scope.Service == s.Service)
}

// At returns the holds in force at a time, sorted by the names of their scopes.
func (h Holds) At(at time.Time) []Hold {
	held := slices.DeleteFunc(slices.Clone(h.list), func(hold Hold) bool { return !at.Before(hold.Until) })
	slices.SortFunc(held, func(a, b Hold) int { return strings.Compare(a.Name(), b.Name()) })
	return held
}
