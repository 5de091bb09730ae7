package memory

import (
	"context"
	"net/url"
	"slices"
	"time"
)

// Offer is a plan that waits for a person's approval. The bucket deletes it 30 days later.
type Offer struct {
	Header
	PlanID  string    `json:"planId"`
	Service string    `json:"service"` // projects/P/locations/L/services/S
	UID     string    `json:"uid,omitempty"`
	At      time.Time `json:"at"` // when it was planned: again where it has waited for half of the time
	// Principals caused the looks at which it was planned. None of them may approve it.
	Principals []string      `json:"principals,omitempty"`
	Steps      []PlannedStep `json:"steps,omitempty"`
	// Whole means that a person asked for the whole recipe, and LetsIn who gets in newly by it,
	// as hashes.
	Whole  bool     `json:"whole,omitempty"`
	LetsIn []string `json:"letsIn,omitempty"`
}

// mostPrincipals bounds how many principals an offer names. Beyond it nobody may approve it.
const mostPrincipals = 20

// Caused notes that somebody caused a look at which the plan was planned. It reports whether
// the record changed.
func (o *Offer) Caused(principal string) bool {
	if principal == "" || slices.Contains(o.Principals, clip(principal)) || len(o.Principals) > mostPrincipals {
		return false
	}
	o.Principals = append(o.Principals, clip(principal))
	return true
}

// Crowded reports whether more people caused it than it can name.
func (o Offer) Crowded() bool { return len(o.Principals) > mostPrincipals }

// Offer reads the plan that waits for an approval. Its error is ErrMissing when there is
// none.
func (m *Memory) Offer(ctx context.Context, planID string) (Offer, error) {
	return read[Offer](ctx, m, offerName(planID))
}

// UpdateOffer changes the record that Offer reads, as UpdateService does.
func (m *Memory) UpdateOffer(ctx context.Context, planID string, change func(*Offer) bool) (Offer, error) {
	return update(ctx, m, offerName(planID), func(o *Offer) bool {
		o.PlanID = planID
		return change(o)
	})
}

func offerName(planID string) string { return offerPrefix + url.PathEscape(planID) }

func (o *Offer) shrink(excess int) bool {
	_, dropped := shrink(excess, listOf(&o.Steps))
	return dropped
}

func (o *Offer) header() *Header { return &o.Header }
func (*Offer) limit() int        { return maxRecord }
