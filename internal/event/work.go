package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// Work is one message of the work topic: one cause for one target. It is what
// the first stage writes and the second reads.
type Work struct {
	Cause  Cause
	Target posture.Target
	// NotBefore is when the work is due; zero = at once.
	NotBefore time.Time
	// GiveUpAt is when trying ends: past it the work is reported as blocked.
	GiveUpAt time.Time
}

// workVersion marks the shape of a work message. A newer function may find
// messages of an older one in the topic, and the other way round.
const workVersion = 1

// workMessage is the wire shape. Resource names are written whole, so that
// reading them checks them again.
type workMessage struct {
	Work      int       `json:"iapguardWork"`
	Target    string    `json:"target"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	GiveUpAt  time.Time `json:"giveUpAt"`
	Cause     workCause `json:"cause"`
}

// workCause is what a report tells of its cause, and the command if it is one.
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
	Symptom   *Symptom     `json:"symptom,omitempty"`
}

type workCommand struct {
	Name   string `json:"name"`
	PlanID string `json:"planId,omitempty"`
	ID     string `json:"id,omitempty"`
}

// Encode gives the data of the work message.
func (w Work) Encode() ([]byte, error) {
	c := w.Cause
	message := workMessage{
		Work: workVersion, Target: w.Target.Name(), NotBefore: w.NotBefore, GiveUpAt: w.GiveUpAt,
		Cause: workCause{
			Kind: c.Kind, Key: c.Key, EventID: c.EventID, Method: c.Method, Principal: c.Principal,
			UserAgent: c.UserAgent, CallerIP: c.CallerIP, At: c.At, Symptom: c.Symptom,
		},
	}
	if c.Command != nil {
		message.Cause.Command = &workCommand{Name: c.Command.Name, PlanID: c.Command.PlanID, ID: c.Command.ID}
	}
	data, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encoding work on %s: %w", w.Target, err)
	}
	return data, nil
}

// ParseWork reads one delivered work message, wrapped in a push envelope or
// bare. It is strict: only we write them, and a message that says something
// unknown may have meant to restrict.
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

func (m workMessage) check() (Work, error) {
	target, err := posture.ParseTarget(m.Target)
	switch {
	case m.Work != workVersion:
		return Work{}, fmt.Errorf("reading work: version %d is not known to this version of iapguard", m.Work)
	case err != nil:
		return Work{}, fmt.Errorf("reading work: %w", err)
	case m.Cause.Key == "" || m.Cause.Kind == "":
		return Work{}, errors.New("reading work: the cause has no kind or key")
	case m.GiveUpAt.IsZero():
		return Work{}, errors.New("reading work: giveUpAt is missing")
	}
	c := m.Cause
	work := Work{Target: target, NotBefore: m.NotBefore, GiveUpAt: m.GiveUpAt, Cause: Cause{
		Kind: c.Kind, Key: c.Key, EventID: c.EventID, Method: c.Method, Principal: c.Principal,
		UserAgent: c.UserAgent, CallerIP: c.CallerIP, At: c.At, Symptom: c.Symptom,
		Project: target.Project, Location: target.Location, Service: target.Service,
	}}
	if c.Command != nil {
		work.Cause.Command = &Command{Name: c.Command.Name, PlanID: c.Command.PlanID, ID: c.Command.ID, Target: m.Target}
	}
	return work, nil
}
