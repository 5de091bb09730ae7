package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/timeout"
)

// Plan holds the steps of a run over all its rounds. It stays when the run has ended, so that
// the run can be taken back; the bucket deletes it 30 days later.
type Plan struct {
	Header
	Run     string `json:"run"`
	Service string `json:"service"`
	UID     string `json:"uid,omitempty"` // of the service
	// Policy is the digest of the policy that decided last, and Earlier those that decided
	// earlier rounds; "" = none did.
	Policy  string   `json:"policy,omitempty"`
	Earlier []string `json:"earlier,omitempty"`
	// Steps are the run's steps, planned and done, each as the report publishes it.
	Steps []json.RawMessage `json:"steps,omitempty"`
}

// Decide notes the policy that decides this round of the run.
func (p *Plan) Decide(digest string) {
	if p.Policy != "" && p.Policy != digest && !slices.Contains(p.Earlier, p.Policy) {
		p.Earlier = append(p.Earlier, p.Policy)
	}
	p.Policy = digest
}

// DecidedBy reports whether a policy decided a round of the run.
func (p Plan) DecidedBy(digest string) bool {
	return digest != "" && (p.Policy == digest || slices.Contains(p.Earlier, digest))
}

const (
	// patienceOfPlans bounds the list of all plans: a page of 1000 takes a call.
	patienceOfPlans = 2 * time.Minute
	// readersOfPlans is how many plans are read side by side.
	readersOfPlans = 16
)

// PlanQuery selects plans.
type PlanQuery struct {
	Since time.Time         // plans that were written last before it are not read
	Keep  func(p Plan) bool // which of them to return
	// Progress is called, from one goroutine at a time, after each plan that was read; nil =
	// nobody looks.
	Progress func(done, of int)
}

// Plans returns the plans of runs that a query selects, in no order. A plan that cannot be read
// is left out and named in the error, which comes beside the others.
func (m *Memory) Plans(ctx context.Context, query PlanQuery) ([]Plan, error) {
	listing, cancel := timeout.With(ctx, m.clock, patienceOfPlans, "the store of the memory")
	entries, err := m.store.List(listing, Query{Prefix: planPrefix})
	cancel()
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w: %w", ErrUnreadable, timeout.Explain(listing, err))
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !e.Updated.IsZero() && e.Updated.Before(query.Since) })
	type answer struct {
		plan Plan
		err  error
	}
	answers := make(chan answer)
	var group errgroup.Group
	group.SetLimit(readersOfPlans)
	go func() {
		for _, entry := range entries {
			group.Go(func() error {
				plan, err := read[Plan](ctx, m, entry.Name)
				answers <- answer{plan, err}
				return nil
			})
		}
	}()
	var found []Plan
	var unread []error
	for done := range entries {
		each := <-answers
		switch {
		case errors.Is(each.err, ErrMissing): // the bucket deleted it meanwhile
		case each.err != nil:
			unread = append(unread, each.err)
		case query.Keep(each.plan):
			found = append(found, each.plan)
		}
		if query.Progress != nil {
			query.Progress(done+1, len(entries))
		}
	}
	return found, errors.Join(unread...)
}

// shrink drops the oldest steps, which stand in the started report as well.
func (p *Plan) shrink(excess int) bool {
	_, dropped := shrink(excess, listOf(&p.Steps))
	return dropped
}

func (p *Plan) header() *Header { return &p.Header }
func (*Plan) limit() int        { return maxPlan }
