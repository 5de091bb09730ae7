package function

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/workqueue"
)

const (
	// shareOfMessage is how many groups of causes one delivery handles. The rest of the message is
	// left to the next delivery, which finds these done.
	shareOfMessage = 500
	// mostTried bounds how many groups of large messages an instance remembers.
	mostTried = 50_000
)

// bulk remembers what was done of messages that are too large for one delivery. It belongs to one
// instance: another one does the same once more, and finds nothing to do.
type bulk struct{ tried *lru.Cache[string, attempt] }

// attempt is what came of a group of causes.
type attempt struct {
	at   time.Time
	done bool
}

func newBulk() (*bulk, error) {
	tried, err := lru.New[string, attempt](mostTried)
	if err != nil {
		return nil, fmt.Errorf("making the list of tried causes: %w", err) // only for a size below 1
	}
	return &bulk{tried}, nil
}

// alike are causes of one message that one look answers: the same call of the same caller on the
// same resource. There is one at least.
type alike []event.Cause

// grouped puts causes that are alike together, in the order of the first of each group. What is
// answered by itself is a group of its own.
func grouped(causes []event.Cause) []alike {
	var groups []alike
	at := map[string]int{}
	for _, c := range causes {
		name := fmt.Sprintf("%q", []string{string(c.Kind), c.Project, c.Location, c.Service, c.BackendService, c.Resource,
			c.Method, c.Principal})
		known, found := at[name]
		switch {
		case isAlone(c), c.Kind == event.Heartbeat:
			groups = append(groups, alike{c})
		case found:
			groups[known] = append(groups[known], c)
		default:
			at[name] = len(groups)
			groups = append(groups, alike{c})
		}
	}
	return groups
}

// causes handles what one message reports. A message with many groups of causes is handled in
// shares, one for each delivery.
func (f *Function) causes(ctx context.Context, all []event.Cause, body []byte) error {
	groups := grouped(all)
	large := len(groups) > shareOfMessage
	left := 0
	if large {
		groups, left = f.bulk.share(groups, f.clock.Now())
	}
	var problems []error
	for _, group := range groups {
		err := f.alike(ctx, group, body)
		problems = append(problems, err)
		if large {
			f.bulk.tried.Add(itemID(group[0]), attempt{f.clock.Now(), err == nil})
		}
	}
	if left > 0 {
		f.log.InfoContext(ctx, "the message reports very much: its next delivery goes on", "handled", len(groups), "left", left)
		problems = append(problems, workqueue.ErrNotYet)
	}
	return workqueue.Join(problems...)
}

// share chooses the groups that a delivery handles: those that are not done, the untried ones
// first. left is how many more there are.
func (b *bulk) share(groups []alike, now time.Time) (share []alike, left int) {
	var failed []alike
	for _, group := range groups {
		last, known := b.tried.Get(itemID(group[0]))
		switch age := now.Sub(last.at); {
		case !known, age < 0, age > GiveUpAfter: // the message was sent anew
			share = append(share, group)
		case !last.done:
			failed = append(failed, group)
		}
	}
	share = append(share, failed...)
	if left = len(share) - shareOfMessage; left > 0 {
		share = share[:shareOfMessage]
	}
	return share, max(0, left)
}

// alike handles causes that are alike: what the first of them leads to answers the others, which
// came before it began.
func (f *Function) alike(ctx context.Context, group alike, body []byte) error {
	targets, err := f.handle(ctx, group[0], body)
	if err != nil || len(targets) == 0 {
		return err
	}
	var problems []error
	for _, cause := range group[1:] {
		items, err := f.items(cause, targets)
		if err != nil {
			return err
		}
		if _, inline := f.queue.(*workqueue.Inline); !inline {
			problems = append(problems, workqueue.AddAll(ctx, f.queue, items))
			continue
		}
		for _, item := range items {
			problems = append(problems, f.covered(ctx, item))
		}
	}
	return workqueue.Join(problems...)
}
