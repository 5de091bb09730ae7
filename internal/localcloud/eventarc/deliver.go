package eventarc

import (
	"context"
	"errors"
	"fmt"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

var errNoTransport = errors.New("nothing carries events here: this local cloud has no Pub/Sub")

// Offer sends an entry to the destination of every trigger that it matches.
// It is what logging.Router.Listen takes.
func (e *Eventarc) Offer(entry logging.Entry) {
	what, ok := newEvent(entry)
	if !ok {
		return
	}
	for _, each := range e.triggers.All("") {
		if to := triggerOf(each); to.selects(what) {
			e.send(to, what)
		}
	}
}

// selects applies location and filters.
func (t *trigger) selects(what event) bool {
	if t.location != everywhere && t.location != what.location {
		return false
	}
	for _, each := range t.filters {
		if !each.matches(what.attributes) {
			return false
		}
	}
	return true
}

// send publishes an event for one trigger and keeps count.
func (e *Eventarc) send(to *trigger, what event) {
	ctx, cancel := context.WithTimeout(context.Background(), carrying)
	defer cancel()
	err := to.open(ctx, e.options.Transport)
	if err == nil {
		err = e.publish(ctx, to, what)
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	if err != nil {
		to.undelivered++
		to.problem = err.Error()
		return
	}
	to.delivered++
}

func (e *Eventarc) publish(ctx context.Context, to *trigger, what event) error {
	headers, err := what.headers(to.contentType)
	if err != nil {
		return err
	}
	body, err := what.body(to.contentType)
	if err != nil {
		return err
	}
	if err := e.options.Publish(ctx, to.route.Topic, body, headers); err != nil {
		return fmt.Errorf("publishing an event of %s: %w", to.name, err)
	}
	return nil
}

// open makes sure that the trigger's way is open, and says why it is not.
func (t *trigger) open(ctx context.Context, transport Transport) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.opened || t.retired {
		return nil
	}
	err := errNoTransport
	if transport != nil {
		err = transport.Open(ctx, t.route)
	}
	if err != nil {
		t.problem = err.Error()
		return err
	}
	t.opened, t.problem = true, ""
	return nil
}

// retire says that the trigger is gone: its way is not opened again by an
// event that was being sent at that moment.
func (t *trigger) retire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retired = true
}
