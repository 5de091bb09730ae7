package memory

import (
	"context"
	"net/url"
	"time"
)

// Ordered is a command that a person sent directly. A message that names it may come from
// anybody, so what it is worth is the name of who sent it.
type Ordered struct {
	Header
	ID      string    `json:"id"`
	By      string    `json:"by"`
	Command string    `json:"command"`
	Target  string    `json:"target,omitempty"` // "" = everything in scope
	At      time.Time `json:"at"`
}

// AddOrdered notes who sent a command.
func (m *Memory) AddOrdered(ctx context.Context, sent Ordered) error {
	_, err := update(ctx, m, orderedName(sent.ID), func(o *Ordered) bool {
		sent.Header, sent.By, sent.At = o.Header, clip(sent.By), m.clock.Now().UTC()
		*o = sent
		return true
	})
	return err
}

// OrderedBy is who sent a command about a target, "" where the memory does not know. It says
// nothing of a command of another name, or about another target.
func (m *Memory) OrderedBy(ctx context.Context, id, command string, concerns func(target string) bool) (string, error) {
	found, err := read[Ordered](ctx, m, orderedName(id))
	if err != nil || found.Command != command || !concerns(found.Target) {
		return "", err
	}
	return found.By, nil
}

func orderedName(id string) string { return orderedPrefix + url.PathEscape(id) }

func (*Ordered) shrink(int) bool   { return false }
func (o *Ordered) header() *Header { return &o.Header }
func (*Ordered) limit() int        { return maxRecord }
