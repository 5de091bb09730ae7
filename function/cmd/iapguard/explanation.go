package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/event"
)

// explanation is one result as explain prints it. Absent members are empty.
type explanation struct {
	File           string       `json:"file"`
	Line           int          `json:"line"`
	Kind           event.Kind   `json:"kind,omitempty"`
	Method         string       `json:"method,omitempty"`
	Project        string       `json:"project,omitempty"`
	Location       string       `json:"location,omitempty"`
	Service        string       `json:"service,omitempty"`
	BackendService string       `json:"backendService,omitempty"`
	Resource       string       `json:"resource,omitempty"`
	Principal      string       `json:"principal,omitempty"`
	At             string       `json:"at,omitempty"` // RFC 3339, UTC
	Key            string       `json:"key,omitempty"`
	Ignored        event.Reason `json:"ignored,omitempty"`
	Why            string       `json:"why,omitempty"`
}

func explainResult(file string, line int, r event.Result) explanation {
	s := r.Seen
	x := explanation{
		File: file, Line: line, Method: s.Method,
		Project: s.Project, Location: s.Location, Service: s.Service, BackendService: s.BackendService, Resource: s.Resource,
		Principal: s.Principal, Key: s.Key, Ignored: r.Ignored, Why: r.Why,
	}
	if r.Cause != nil {
		x.Kind = r.Cause.Kind // what is ignored has no kind
	}
	if !s.At.IsZero() {
		x.At = s.At.UTC().Format(time.RFC3339Nano)
	}
	return x
}

func (x explanation) json() ([]byte, error) { return json.Marshal(x) }

// line is one aligned line: kind, resource or reason, principal, time, method, and
// where the entry is.
func (x explanation) line() line {
	what, shown := string(x.Kind), line{text: x.about(), style: bold, hang: 4}
	if x.Ignored != "" {
		what, shown.text, shown.style = "ignored: "+string(x.Ignored), x.Why, dim
	}
	shown.lead = fmt.Sprintf("%-24s  ", what)
	if x.Ignored == "" {
		for _, part := range []struct{ word, value string }{{"by", x.Principal}, {"at", x.At}, {"via", x.Method}} {
			if part.value != "" {
				shown.text += "  " + part.word + " " + part.value
			}
		}
	}
	shown.text += fmt.Sprintf("  (%s:%d)", x.File, x.Line)
	return shown
}

// about returns the name of the resource that a cause concerns.
func (x explanation) about() string {
	var b strings.Builder
	b.WriteString("projects/" + x.Project)
	switch {
	case x.Kind == event.Heartbeat && x.Resource == "":
		return "the events topic"
	case x.Kind == event.Heartbeat:
		return x.Resource
	case x.Project == "":
		return "everything in scope"
	case x.Service != "":
		return b.String() + "/locations/" + x.Location + "/services/" + x.Service
	case x.Resource != "":
		return x.Resource
	case x.Location != "":
		b.WriteString("/locations/" + x.Location)
	}
	if x.BackendService != "" {
		b.WriteString(" backend service " + x.BackendService)
	}
	return b.String()
}

// summary counts what was explained.
type summary struct {
	kinds   map[event.Kind]int
	reasons map[event.Reason]int
}

func (s *summary) add(r event.Result) {
	if s.kinds == nil {
		s.kinds, s.reasons = map[event.Kind]int{}, map[event.Reason]int{}
	}
	if r.Cause != nil {
		s.kinds[r.Cause.Kind]++
		return
	}
	s.reasons[r.Ignored]++
}

// lines are the counts, the largest first; none for a single entry.
func (s *summary) lines() []line {
	causes, ignored := total(s.kinds), total(s.reasons)
	if causes+ignored < 2 {
		return nil
	}
	lines := []line{{}, textLine("%d entries; causes: %d, ignored: %d", causes+ignored, causes, ignored)}
	for _, each := range append(ranked(s.kinds), ranked(s.reasons)...) {
		lines = append(lines, textLine("%s", each))
	}
	return lines
}

func total[K comparable](counts map[K]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

func ranked[K ~string](counts map[K]int) []string {
	names := make([]K, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		return counts[a] > counts[b] || counts[a] == counts[b] && a < b
	})
	lines := make([]string, 0, len(names))
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("%9d  %s", counts[name], name))
	}
	return lines
}
