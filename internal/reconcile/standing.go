package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// lasting are the outcomes that stand until a person acts. Others cause events as they like, so
// that events lead to one report of such a state; commands and sweeps lead to further ones.
var lasting = []report.Outcome{report.Contested, report.Blocked, report.Waiting, report.Held}

// reportedAgain is after what time an event leads to another report of a state that has not
// changed: who reads reports sees it daily.
const reportedAgain = 12 * time.Hour

// standing is the lasting state that was last published of a service.
type standing struct {
	state string
	id    string // of the report
	at    time.Time
}

// repeats is the report that has all that a final one would say, "" where it says something new or
// was asked for.
func (r *run) repeats(final report.Report, state string) string {
	if r.sofar.Joined != len(r.sofar.Done) || r.request.Asked() {
		return ""
	}
	last := r.instance.stands(r.request.Target)
	if age := r.now().Sub(last.at); state == "" || last.state != state || age < 0 || age >= reportedAgain {
		return ""
	}
	return last.id
}

// published notes the report that a run has published.
func (r *run) published(final report.Report, state string) {
	if state != "" || !slices.Contains(lasting, final.Outcome) { // a diagnosis says nothing of the state
		r.instance.published(r.request.Target, standing{state, final.ID(), r.now()})
	}
}

// stateOf is what a lasting state is known by, "" where a report has none or a diagnosis. It has all
// that a report says but the cause, and what moves on by itself: times, counts, versions.
func (r *run) stateOf(final report.Report) string {
	if !slices.Contains(lasting, final.Outcome) || r.request.Diagnose {
		return ""
	}
	state := final
	state.RunID, state.ObservedAt, state.Version, state.Calls, state.ElapsedMS = "", time.Time{}, "", 0, 0
	state.Cause, state.Command, state.DoorsBefore, state.ExposedUntil = report.Cause{}, nil, nil, nil
	if !r.offers {
		state.PlanID = "" // it names versions, which any change of the service moves
	}
	if final.Target != nil {
		target := *final.Target
		target.Labels = nil
		state.Target = &target
	}
	if final.WaitingFor != nil {
		state.WaitingFor = &report.WaitingFor{What: final.WaitingFor.What, Who: final.WaitingFor.Who}
	}
	if final.Contest != nil {
		state.Contest = &report.Contest{Rounds: final.Contest.Rounds, Actors: final.Contest.Actors, Field: final.Contest.Field}
	}
	state.Steps = nil
	for _, step := range final.Steps {
		state.Steps = append(state.Steps, report.Step{Op: step.Op, Resource: step.Resource, Field: step.Field,
			From: step.From, To: step.To, Why: timeless(step.Why), Result: step.Result})
	}
	state.Callers = slices.Clone(final.Callers)
	for i := range state.Callers {
		one := &state.Callers[i]
		one.Requests, one.Preflights, one.LastSeen, one.Why = 0, 0, nil, timeless(one.Why)
	}
	state.Advice = nil
	for _, line := range final.Advice {
		state.Advice = append(state.Advice, timeless(line))
	}
	notices := 0
	if final.ClosesAt != nil {
		notices = decide.NoticesPassed(*final.ClosesAt, r.now())
	}
	text, err := json.Marshal(state)
	if err != nil {
		return "" // it is reported each time
	}
	sum := sha256.Sum256(fmt.Appendf(text, " %d", notices))
	return hex.EncodeToString(sum[:])
}

// times are points in time and lengths of time, as lines for people have them.
var times = regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ][0-9:.]+Z?|\b\d+(\.\d+)?( (second|minute|hour|day)s?|d|h|m|s|ms)\b|\b(\d+[dhm])+\d+[ms]\b`)

// timeless is a line without the times in it: they say how long something has lasted, or lasts yet.
func timeless(line string) string { return times.ReplaceAllString(line, "…") }

// published notes what was last published of a service.
func (i *instance) published(target posture.Target, one standing) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.states, target)
	if one.state != "" && len(i.states) < mostRelied { // beyond that each event is reported
		i.states[target] = one
	}
}

// stands is the state that was last published of a service.
func (i *instance) stands(target posture.Target) standing {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.states[target]
}

// conclude publishes the report of a run, or says in the log which report it repeats.
func (r *run) conclude(ctx context.Context, final report.Report) error {
	state := r.stateOf(final)
	if id := r.repeats(final, state); id != "" {
		r.Log.InfoContext(ctx, "nothing new: the state was reported, and is reported again by sweeps and once it changes",
			"target", r.request.Target.Name(), "outcome", final.Outcome, "cause", r.request.Cause.Key,
			"event_id", r.request.Cause.EventID, "repeats", id)
		return nil
	}
	if err := r.Publisher.Publish(ctx, final); err != nil {
		return fmt.Errorf("publishing the report for %s: %w", r.request.Target, err)
	}
	r.published(final, state)
	return nil
}
