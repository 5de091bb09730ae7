package policy

import (
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
)

// Subject is what rules may ask about a service.
type Subject struct {
	posture.Target
	ProjectNumber string // "" = not known
	Labels        map[string]string
	Ancestors     posture.Ancestors // of the project
}

// match lists patterns; an empty list matches everything.
type match struct {
	projects, locations, services []pattern
	folders                       []string // folders/NUMBER, anywhere above the project
	labels                        map[string]pattern
}

// answer says whether a match covers a service.
type answer int

const (
	no      answer = iota
	yes            // it covers the service
	unknown        // it does if the project lies in one of its folders, and those above the project were not read
)

func (m match) covers(s Subject) answer {
	switch {
	case !anyMatches(m.projects, s.Project) && !anyMatches(m.projects, s.ProjectNumber),
		!anyMatches(m.locations, s.Location), !anyMatches(m.services, s.Service), !m.labelled(s.Labels):
		return no
	case len(m.folders) == 0:
		return yes
	case !s.Ancestors.Known:
		return unknown
	case slices.ContainsFunc(s.Ancestors.Folders, func(folder string) bool { return slices.Contains(m.folders, folder) }):
		return yes
	}
	return no
}

// names reports whether a match has the service's very name.
func (m match) names(service string) bool {
	return slices.ContainsFunc(m.services, func(p pattern) bool { return p.exact() && p.matches(service) })
}

// chosenBy says what the deployer of a service writes by which the match selects it, as the
// end of "which"; "" = it selects by nothing that the deployer chooses. The name of a
// service that the match names itself was chosen by the author of the policy.
func (m match) chosenBy(service string) string {
	switch {
	case len(m.labels) > 0:
		return "the labels select"
	case len(m.globs()) > 0 && !m.names(service):
		return "a pattern of service names selects"
	}
	return ""
}

// globs are the patterns of service names that select by a part of the name; none where
// the match takes every name.
func (m match) globs() []pattern {
	if slices.ContainsFunc(m.services, pattern.everything) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(m.services), pattern.exact)
}

// chosen returns the part of the match that selects by what deployers choose, and what
// that is; "" where it has no such part.
func (m match) chosen() (match, string) {
	switch globs := m.globs(); {
	case len(m.labels) > 0:
		return m, "labels"
	case len(globs) > 0:
		m.services = globs
		return m, "a pattern of service names"
	}
	return match{}, ""
}

// labelled reports whether the labels fit every label of the match.
func (m match) labelled(labels map[string]string) bool {
	for key, wanted := range m.labels {
		if value, there := labels[key]; !there || !wanted.matches(value) {
			return false
		}
	}
	return true
}

// includes reports whether m provably matches everything that other matches.
func (m match) includes(other match) bool {
	for key, wide := range m.labels {
		if narrow, there := other.labels[key]; !there || !wide.includes(narrow) {
			return false
		}
	}
	return m.includesWithoutLabels(other)
}

func (m match) includesWithoutLabels(other match) bool {
	foreign := func(folder string) bool { return !slices.Contains(m.folders, folder) }
	within := len(m.folders) == 0 || len(other.folders) > 0 && !slices.ContainsFunc(other.folders, foreign)
	return within && allIncluded(m.projects, other.projects) &&
		allIncluded(m.locations, other.locations) &&
		allIncluded(m.services, other.services)
}

// meets reports whether there provably are names that both match, labels aside.
// Whether a project's number and an id, or a folder and a project, belong together
// is not known here; For compares such rules when a service shows that they do.
func (m match) meets(other match) bool {
	if !anyMeet(m.locations, other.locations) || !anyMeet(m.services, other.services) {
		return false
	}
	anywhere := func(m match) bool { return len(m.folders) == 0 && len(m.projects) == 0 }
	if anywhere(m) || anywhere(other) {
		return true
	}
	shared := func(folder string) bool { return slices.Contains(other.folders, folder) }
	inOneFolder := len(m.folders) == 0 && len(other.folders) == 0 || slices.ContainsFunc(m.folders, shared)
	return inOneFolder && anyMeet(m.projects, other.projects)
}

func allIncluded(wide, narrow []pattern) bool {
	if len(wide) == 0 {
		return true
	}
	for _, one := range narrow {
		if !slices.ContainsFunc(wide, func(p pattern) bool { return p.includes(one) }) {
			return false
		}
	}
	return len(narrow) > 0
}

func anyMatches(patterns []pattern, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p pattern) bool { return p.matches(name) })
}

func anyMeet(one, other []pattern) bool {
	return len(one) == 0 || len(other) == 0 || slices.ContainsFunc(one, func(p pattern) bool {
		return slices.ContainsFunc(other, p.meets)
	})
}
