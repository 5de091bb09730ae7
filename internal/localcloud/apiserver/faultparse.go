package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxDelay bounds delays, so that a typing error does not stop everything.
const maxDelay = time.Hour

// aboutCalls are the keys of every fault that goes wrong with calls.
const aboutCalls = "method principal resource times every"

// placeName is a location that lists can lack.
var placeName = regexp.MustCompile(`^(global|[a-z]+-[a-z]+[0-9]{1,2})$`)

// fullService is the full name of a service.
var fullService = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/services/[^/]+$`)

// faultForm is which keys a fault of an action must have, and which it may
// have beside "action".
type faultForm struct{ needs, takes string }

var faultForms = map[string]faultForm{
	AnswerStatus:   {"method status", aboutCalls + " when reason message"},
	CutConnection:  {"method", aboutCalls + " when"},
	AnswerSlowly:   {"method delay", aboutCalls + " when"},
	TruncateAnswer: {"method", aboutCalls},
	FailOperation:  {"method", aboutCalls + " reason message"},
	HangOperation:  {"method", aboutCalls},
	PartialLists:   {"method place", aboutCalls},
	WriteFirst:     {"method", aboutCalls},
	LateIAM:        {"delay", ""},
	LateSettings:   {"delay", ""},
	StaleLists:     {"delay", ""},
	StaleInventory: {"delay", ""},
	StuckGrant:     {"service until", ""},
}

// faultJSON is a fault as it is written.
type faultJSON struct {
	Action    string `json:"action"`
	Method    string `json:"method,omitempty"`
	Principal string `json:"principal,omitempty"`
	Resource  string `json:"resource,omitempty"`
	Times     int    `json:"times,omitempty"`
	Every     int    `json:"every,omitempty"`
	When      string `json:"when,omitempty"`
	Status    int    `json:"status,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`
	Delay     string `json:"delay,omitempty"`
	Service   string `json:"service,omitempty"`
	Until     string `json:"until,omitempty"`
	Place     string `json:"place,omitempty"`
}

// ParseFaults reads a JSON list of faults. Errors name the entry and say what
// to write: nothing that is not understood is ever passed over.
func (s *Server) ParseFaults(text []byte) ([]Fault, error) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf(`write a JSON list of faults, such as [{"method":"run.*","action":"status","status":503,"times":1}]: %w`, err)
	}
	all := make([]Fault, len(list))
	for i, entry := range list {
		one, err := s.parseFault(entry)
		if err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
		all[i] = one
	}
	return all, nil
}

func (s *Server) parseFault(entry map[string]json.RawMessage) (Fault, error) {
	var action string
	_ = json.Unmarshal(entry["action"], &action) // what is not a string is not a known action
	form, known := faultForms[action]
	if !known {
		return Fault{}, fmt.Errorf("action %q is not known: write one of %s", action,
			strings.Join(slices.Sorted(maps.Keys(faultForms)), ", "))
	}
	allowed := slices.Concat([]string{"action"}, strings.Fields(form.needs), strings.Fields(form.takes))
	for _, key := range slices.Sorted(maps.Keys(entry)) {
		if !slices.Contains(allowed, key) {
			slices.Sort(allowed)
			return Fault{}, fmt.Errorf("key %q does not go with action %q: write %s", key, action,
				strings.Join(slices.Compact(allowed), ", "))
		}
	}
	for key := range strings.FieldsSeq(form.needs) {
		if entry[key] == nil {
			return Fault{}, fmt.Errorf("action %q needs the key %q", action, key)
		}
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return Fault{}, err
	}
	var written faultJSON
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&written); err != nil {
		return Fault{}, fmt.Errorf("reading its values: %w", err)
	}
	return s.readFault(written, entry)
}

// readFault checks the values of a fault that has the right keys.
func (s *Server) readFault(written faultJSON, entry map[string]json.RawMessage) (Fault, error) {
	f := Fault{
		Method: written.Method, Principal: written.Principal, Resource: written.Resource, Times: written.Times,
		Every: written.Every, Action: written.Action, After: written.When == afterEffect, Status: written.Status,
		Reason: written.Reason, Message: written.Message, Service: written.Service, Forever: written.Until == forever,
		Place: written.Place,
	}
	has := func(key string) bool { return entry[key] != nil }
	switch {
	case has("method") && !s.servesMethod(f.Method):
		return f, fmt.Errorf(`no method is called %q: write an id as GET /_local/calls shows it, or a beginning with *, such as "compute.*"`, f.Method)
	case has("times") && f.Times < 1, has("every") && f.Every < 1:
		return f, fmt.Errorf("times and every are at least 1; leave them out for always")
	case has("when") && written.When != beforeEffect && written.When != afterEffect:
		return f, fmt.Errorf(`when is %q: write "before" or "after" (the call's effect)`, written.When)
	case has("status") && (f.Status < 400 || http.StatusText(f.Status) == ""):
		return f, fmt.Errorf("status %d is not an HTTP error: write one from 400 on, such as 503", f.Status)
	case has("principal") && !strings.Contains(f.Principal, ":"):
		return f, fmt.Errorf(`principal %q is nobody: write "user:EMAIL" or "serviceAccount:EMAIL"`, f.Principal)
	case has("until") && written.Until != untilRedeployed && written.Until != forever:
		return f, fmt.Errorf(`until is %q: write "redeploy" or "forever"`, written.Until)
	case has("place") && !placeName.MatchString(f.Place):
		return f, fmt.Errorf(`place %q is not a location: write one such as "europe-west1", or "global"`, f.Place)
	case has("service") && !fullService.MatchString(f.Service):
		return f, fmt.Errorf("service %q is not a full name: write projects/P/locations/L/services/S", f.Service)
	}
	if !has("delay") {
		return f, nil
	}
	delay, err := time.ParseDuration(written.Delay)
	if err != nil || delay < 0 || delay > maxDelay {
		return f, fmt.Errorf(`delay is %q: write a duration of at most an hour, such as "2s"`, written.Delay)
	}
	f.Delay = delay
	return f, nil
}

func (s *Server) servesMethod(wanted string) bool {
	return slices.ContainsFunc(s.Routes(), func(r Route) bool { return methodFits(wanted, r.ID) })
}

// MarshalJSON writes a fault in the form in which it is read, with how often
// it went wrong.
func (s FaultState) MarshalJSON() ([]byte, error) {
	shown := faultJSON{
		Action: s.Action, Method: s.Method, Principal: s.Principal, Resource: s.Resource, Times: s.Times, Every: s.Every,
		Status: s.Status, Reason: s.Reason, Message: s.Message, Service: s.Service,
		Place: s.Place,
	}
	if s.Delay > 0 {
		shown.Delay = s.Delay.String()
	}
	if s.After {
		shown.When = afterEffect
	}
	if s.Action == StuckGrant {
		shown.Until = untilRedeployed
		if s.Forever {
			shown.Until = forever
		}
	}
	return json.Marshal(struct {
		faultJSON
		Seen  int `json:"seen"`
		Fired int `json:"fired"`
	}{shown, s.Seen, s.Fired})
}
