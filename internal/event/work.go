package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// Work is one message of the work topic: one cause for one target. The first stage
// of the function writes it, the second reads it.
type Work struct {
	Cause  Cause
	Target posture.Target
	// List means that the target is a project: its services are still to be listed, and each
	// gets work of its own. So the work of an organization is shared by all instances.
	List bool
	// NotBefore is when the work is due, zero for at once.
	NotBefore time.Time
	// GiveUpAt ends the attempts: after it the work is reported as blocked.
	GiveUpAt time.Time
}

// Name is the resource name of what the work is about.
func (w Work) Name() string { return posture.Scope(w.Target).Name() }

// workVersion is the version of the format. The topic may hold messages of an older
// or a newer function.
const workVersion = 1

// workMessage is the JSON of a work message. It has full resource names, so that
// reading checks them again.
type workMessage struct {
	Work      int       `json:"iapguardWork"`
	Target    string    `json:"target"`
	List      bool      `json:"list,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	GiveUpAt  time.Time `json:"giveUpAt"`
	Cause     workCause `json:"cause"`
}

// workCause is the part of a cause that a look needs: what a report has, the command, the
// role, folder or organization that changed, so that it is read anew, and the backend service that was written, because a write counts against the step
// that it undid.
type workCause struct {
	Kind      Kind         `json:"kind"`
	Key       string       `json:"key"`
	EventID   string       `json:"eventId,omitempty"`
	Method    string       `json:"method,omitempty"`
	Principal string       `json:"principal,omitempty"`
	UserAgent string       `json:"userAgent,omitempty"`
	CallerIP  string       `json:"callerIp,omitempty"`
	At        time.Time    `json:"at,omitzero"`
	Command   *workCommand `json:"command,omitempty"`
	Resource  string       `json:"resource,omitempty"` // as inherited accepts it
	Symptom   *Symptom     `json:"symptom,omitempty"`
	Backend   *workBackend `json:"backendService,omitempty"`
}

// workBackend names a backend service as the entry did: by its name or its numeric id.
type workBackend struct {
	Project  string `json:"project"`
	Location string `json:"location"`
	Name     string `json:"name"`
}

type workCommand struct {
	Name   string `json:"name"`
	PlanID string `json:"planId,omitempty"`
	ID     string `json:"id,omitempty"`
	// WholeRecipe is set of approve alone.
	WholeRecipe bool `json:"wholeRecipe,omitempty"`
}

// valid reports whether the backend service has names such as the reader of entries
// accepts. An alert names no location.
func (b workBackend) valid() bool {
	return posture.ValidProject(b.Project) && (b.Location == "" || posture.ValidLocation(b.Location)) && validBackend(b.Name)
}

// inherited reports whether a resource is one of those that services inherit from and of
// which reads are kept: a custom role, a folder or an organization.
func inherited(resource string) bool {
	_, number, _ := strings.Cut(resource, "/")
	return posture.IsCustomRole(resource) || posture.AboveProject(resource) && posture.ValidProjectNumber(number)
}

// Encode returns the data of the work message.
func (w Work) Encode() ([]byte, error) {
	c := w.Cause
	message := workMessage{
		Work: workVersion, Target: w.Name(), List: w.List, NotBefore: w.NotBefore, GiveUpAt: w.GiveUpAt,
		Cause: workCause{
			Kind: c.Kind, Key: c.Key, EventID: c.EventID, Method: c.Method, Principal: c.Principal,
			UserAgent: c.UserAgent, CallerIP: c.CallerIP, At: c.At, Symptom: c.Symptom,
		},
	}
	if c.Command != nil {
		message.Cause.Command = &workCommand{Name: c.Command.Name, PlanID: c.Command.PlanID, ID: c.Command.ID,
			WholeRecipe: c.Command.WholeRecipe}
	}
	if inherited(c.Resource) {
		message.Cause.Resource = c.Resource
	}
	if c.BackendService != "" {
		message.Cause.Backend = &workBackend{Project: c.Project, Location: c.Location, Name: c.BackendService}
	}
	data, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encoding work on %s: %w", w.Name(), err)
	}
	return data, nil
}

// ParseWork reads one delivered work message, in a push envelope or without. It is
// strict: only the function writes these messages, and an unknown member may be
// meant as a restriction.
func ParseWork(body []byte) (Work, error) {
	var push struct {
		Message *struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &push); err != nil {
		return Work{}, fmt.Errorf("reading work: %w", err)
	}
	if push.Message != nil {
		body = push.Message.Data
	}
	var message workMessage
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&message); err != nil {
		return Work{}, fmt.Errorf("reading work: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Work{}, errors.New("reading work: something follows the message")
	}
	return message.check()
}

// target reads what the work is about: a service or an instance, and where services are still to
// be listed a project.
func (m workMessage) target() (posture.Target, error) {
	if !m.List {
		return posture.ParseTarget(m.Target)
	}
	scope, err := posture.ParseScope(m.Target)
	if err == nil && scope.Location != "" {
		err = fmt.Errorf("target %s names no project, and its services are to be listed", quote(m.Target))
	}
	return posture.Target(scope), err
}

func (m workMessage) check() (Work, error) {
	target, err := m.target()
	switch {
	case m.Work != workVersion:
		return Work{}, fmt.Errorf("reading work: version %d is not known to this version of iapguard", m.Work)
	case err != nil:
		return Work{}, fmt.Errorf("reading work: %w", err)
	case m.Cause.Key == "" || m.Cause.Kind == "":
		return Work{}, errors.New("reading work: the cause has no kind or key")
	case m.GiveUpAt.IsZero():
		return Work{}, errors.New("reading work: giveUpAt is missing")
	case m.Cause.Resource != "" && !inherited(m.Cause.Resource):
		return Work{}, errors.New("reading work: the resource of the cause has no valid name")
	case m.Cause.Command != nil && m.Cause.Command.WholeRecipe && m.Cause.Command.Name != "approve":
		return Work{}, fmt.Errorf("reading work: %s takes no whole recipe", quote(m.Cause.Command.Name))
	case m.Cause.Backend != nil && !m.Cause.Backend.valid():
		return Work{}, errors.New("reading work: the backend service of the cause has no valid name")
	}
	c := m.Cause
	work := Work{Target: target, List: m.List, NotBefore: m.NotBefore, GiveUpAt: m.GiveUpAt, Cause: Cause{
		Kind: c.Kind, Key: c.Key, EventID: c.EventID, Method: c.Method, Principal: c.Principal,
		UserAgent: c.UserAgent, CallerIP: c.CallerIP, At: c.At, Symptom: c.Symptom, Resource: c.Resource,
	}}
	if b := c.Backend; b != nil {
		work.Cause.Project, work.Cause.Location, work.Cause.BackendService = b.Project, b.Location, b.Name
	} else {
		work.Cause.Project, work.Cause.Location, work.Cause.Service = target.Project, target.Location, target.Service
	}
	if c.Command != nil {
		work.Cause.Command = &Command{Name: c.Command.Name, PlanID: c.Command.PlanID, ID: c.Command.ID, Target: m.Target,
			WholeRecipe: c.Command.WholeRecipe}
	}
	return work, nil
}
