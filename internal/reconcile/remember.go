package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// runLasts bounds how long a run stays open for others to join: an instance that
// was killed never closes its run.
const runLasts = 24 * time.Hour

// join continues the run that an earlier delivery began: its id and its steps.
func (r *run) join(ctx context.Context, seen posture.Posture, known memory.Service) {
	if r.sofar.Round != 1 || r.sofar.Done != nil || known.Run == nil || known.Run.ID == r.id {
		return
	}
	now := r.now()
	if age := now.Sub(known.Run.Since); age < 0 || age > runLasts || known.RunsWhole() != r.wholePlan() {
		return
	}
	kept, err := r.Memory.Plan(ctx, known.Run.ID)
	if err != nil {
		r.persisted(ctx, err)
		return
	}
	done := stepsTaken(kept.Steps, now)
	r.id, r.sofar.Done, r.sofar.Joined, r.remembered = known.Run.ID, done, len(done), true
	if r.request.ReadOnly {
		return
	}
	r.redeploy, r.redeploySince = redeployCutOff(kept.Steps), known.Run.Since
	for _, step := range stepsPlanned(kept.Steps) {
		_, redeploys := step.Change.(plan.Redeploy)
		switch {
		case redeploys: // only an examination shows whether
			continue
		case failedAs(done, step) >= 0:
			r.unsure = append(r.unsure, step) // confirm looks whether it took effect
			continue
		case step.Check(seen) != nil || !step.Standing(seen).Set:
			continue
		}
		result := report.StepOf(step, report.StepDone)
		at := now.UTC()
		result.At, result.NotBefore, result.VersionAfter = &at, nil, step.Standing(seen).Version
		r.sofar.Done = append(r.sofar.Done, result)
		r.sofar.Joined++
		r.rememberStep(ctx, seen, step, result)
	}
}

// stepsPlanned are the steps of a kept run that were about to be taken, or failed with an open end.
// The effect of the former may be there now: the instance ended before it could say so. Each was
// missing when it was planned.
func stepsPlanned(kept []json.RawMessage) []plan.Step {
	var planned []plan.Step
	for _, raw := range kept {
		var one report.Step
		if json.Unmarshal(raw, &one) != nil || one.Result != report.StepPlanned {
			continue
		}
		if step, err := one.Plan(); err == nil {
			planned = append(planned, step)
		}
	}
	return planned
}

// redeployCutOff is the redeploy that was about to be ordered, nil = none was.
func redeployCutOff(kept []json.RawMessage) *plan.Step {
	for _, raw := range kept {
		var one report.Step
		if json.Unmarshal(raw, &one) != nil || one.Result != report.StepPlanned || one.Op != string(plan.Redeploy{}.Operation().Op) {
			continue
		}
		if step, err := one.Plan(); err == nil {
			return &step
		}
	}
	return nil
}

// mayHaveTaken notes that a step failed with an open end: it may have taken effect, or may do so yet.
// One that was refused at once, because somebody else was faster, did not. Of a redeploy only the
// revision says whether it was ours.
func (r *run) mayHaveTaken(step plan.Step, began time.Time) {
	if _, redeploys := step.Change.(plan.Redeploy); redeploys {
		r.redeploy, r.redeploySince = &step, began
		return
	}
	r.unsure = append(r.unsure, step)
}

// joinRedeploy counts a redeploy that was ordered as done where an examination shows the
// revision: one of ours serves that is not the one which was to be replaced. The instance of an
// earlier delivery ended before it could say so, or the answer was lost.
func (r *run) joinRedeploy(ctx context.Context, facts decide.Facts) {
	if r.redeploy == nil || facts.Examination == nil {
		return
	}
	step, rollout := *r.redeploy, facts.Examination.Rollout
	change, _ := step.Change.(plan.Redeploy)
	made := rollout.Serving
	if made.Name == "" || made.Name == change.Serving || made.Name != rollout.Newest.Name ||
		!slices.Contains(r.Self.Principals, made.Creator) || made.CreatedAt.Before(r.redeploySince.Truncate(time.Second)) ||
		step.Check(facts.Posture) != nil {
		return
	}
	r.redeploy = nil
	result := report.StepOf(step, report.StepDone)
	at := made.CreatedAt.UTC()
	result.At, result.NotBefore, result.VersionAfter = &at, nil, facts.Posture.Service.Version
	r.sofar.Done = append(r.sofar.Done, result)
	r.sofar.Joined++
	r.rememberStep(ctx, facts.Posture, step, result)
}

// stepsTaken reads the steps of a kept run that were tried before now. Others may be
// able to write the bucket: a step without a time or from the future did not happen,
// and would delay the steps that wait for it.
func stepsTaken(kept []json.RawMessage, now time.Time) []report.Step {
	var taken []report.Step
	for _, raw := range kept {
		var step report.Step
		if json.Unmarshal(raw, &step) == nil && step.Result != report.StepPlanned && step.At != nil && !step.At.After(now) {
			taken = append(taken, step)
		}
	}
	return taken
}

// open notes that the run begins to write, and what it is about to do. It fails where the
// steps rest on an approval that the run cannot use: each can be used once.
func (r *run) open(ctx context.Context, decision decide.Decision) error {
	planID, approval := decision.Plan.ID(), decision.Approval
	r.page(ctx, decision)
	redeems := approval != nil && approval.UsedAt.IsZero()
	redeemed := false
	r.update(ctx, decision.Posture, func(s *memory.Service) bool {
		changed := false
		if redeems {
			redeemed = s.Redeem(approval.PlanID, r.id, r.now())
			changed = redeemed
		}
		for _, undo := range decision.Remember.Undone {
			changed = s.AddUndo(undo) || changed
		}
		changed = r.seeGlass(s, decision) || changed
		if s.Run == nil || s.Run.ID != r.id {
			s.Run, changed = &memory.Run{ID: r.id, Since: r.now()}, true
		}
		if !slices.Contains(s.Run.PlanIDs, planID) {
			s.Run.PlanIDs, changed = append(s.Run.PlanIDs, planID), true
		}
		return changed
	})
	r.remembered = true
	r.keepSteps(ctx, decision.Posture, decision.Plan.Steps)
	if redeems && (!redeemed || r.notPersisted != nil) {
		return fmt.Errorf("using the approval of plan %s for %s: another run used it, or the memory cannot say so",
			approval.PlanID, r.request.Target)
	}
	return nil
}

// keepSteps stores what the run did, and what it is about to do or may have done: another delivery
// looks whether that took effect.
func (r *run) keepSteps(ctx context.Context, seen posture.Posture, planned []plan.Step) {
	steps := slices.Clone(r.sofar.Done)
	unsure := slices.Clone(r.unsure)
	if r.redeploy != nil {
		unsure = append(unsure, *r.redeploy)
	}
	unsure = slices.DeleteFunc(unsure, func(step plan.Step) bool {
		return slices.ContainsFunc(planned, func(again plan.Step) bool { return alike(step, again) })
	})
	for _, step := range slices.Concat(unsure, planned) {
		steps = append(steps, report.StepOf(step, report.StepPlanned))
	}
	_, err := r.Memory.UpdatePlan(ctx, r.id, func(p *memory.Plan) bool {
		p.Service, p.UID, p.Steps = seen.Target.Name(), seen.Service.UID, nil
		p.Decide(r.Policy().Digest())
		for _, step := range steps {
			if raw, err := json.Marshal(step); err == nil { // steps are plain values
				p.Steps = append(p.Steps, raw)
			}
		}
		return true
	})
	r.persisted(ctx, err)
}

// rememberStep stores one step that was tried, and when its binding was written.
func (r *run) rememberStep(ctx context.Context, p posture.Posture, step plan.Step, result report.Step) {
	r.keepSteps(ctx, p, r.left)
	if result.Result != report.StepDone {
		return
	}
	words := step.Words()
	r.update(ctx, p, func(s *memory.Service) bool {
		changed := s.AddWrite(memory.Write{
			Run: r.id, Op: string(step.Op()), Resource: step.Resource, Field: words.Field, Value: words.To,
			Version: result.VersionAfter, At: *result.At,
		})
		if step.Closes {
			changed = s.SeeClosed(*result.At) || changed
		}
		if grant, ok := step.Change.(plan.GrantInvoker); ok {
			seen := memory.Binding{Resource: step.Resource, Role: grant.Role, Member: grant.Member, FirstSeen: *result.At}
			changed = s.SeeBinding(seen) || changed
		}
		return changed
	})
}

// rememberDecision stores the state of the doors, and a write that did not hold. It
// writes the record only when something changed.
func (r *run) rememberDecision(ctx context.Context, facts decide.Facts, decision decide.Decision) {
	if unheld := decision.Run.Unheld; len(unheld) > 0 {
		r.rememberFailures(ctx, unheld)
	}
	if r.request.DryRun {
		return
	}
	r.instance.rely(decision.Posture, decision.Remember.Relied)
	r.rememberSignIn(ctx, decision.Posture)
	watch := decision.Remember.Watch
	if watch != nil && watch.Run == "" {
		own := *watch
		own.Run, watch = r.id, &own
	}
	see := r.seeing(decision, watch)
	r.page(ctx, decision)
	known := memory.Service{}
	if facts.Memory != nil {
		known = clone(facts.Memory)
	}
	changed := see(&known)
	indexed := r.keepIndices(ctx, known, decision)
	if changed || indexed != (indices{}) {
		r.update(ctx, decision.Posture, func(s *memory.Service) bool {
			changed := see(s)
			return indexed.note(s) || changed
		})
	}
}

// clone is a copy of a record in which may be noted what a look sees.
func clone(known *memory.Service) memory.Service {
	copied := *known
	copied.Doors, copied.Bindings = slices.Clone(known.Doors), slices.Clone(known.Bindings)
	copied.BreakGlass = slices.Clone(known.BreakGlass)
	return copied
}

// seeing notes in a record what a look saw of its service, and reports whether that changed it.
func (r *run) seeing(decision decide.Decision, watch *memory.Watch) func(s *memory.Service) bool {
	return func(s *memory.Service) bool {
		changed := seeDoors(s, decision.Posture, r.now())
		changed = s.SeeFirst(r.now()) || changed
		if door.Private(decision.Posture) && door.Exposed(door.Of(decision.Posture)) == door.No {
			changed = s.SeePrivate(r.now()) || changed
		}
		changed = decision.Remember.Guarded && s.SeeGuarded(r.now()) || changed
		changed = seeClocks(s, decision) || changed
		changed = s.SeeWatch(watch) || changed
		changed = r.seeGlass(s, decision) || changed
		if balanced := func(p posture.Posture) bool { return len(p.Backends) > 0 }; slices.ContainsFunc(
			decision.Posture.Parts(), balanced) {
			changed = s.SeeBalanced(r.now()) || changed
		}
		return changed
	}
}

// seeGlass notes what was opened on purpose. It reports whether that changed the record.
func (r *run) seeGlass(s *memory.Service, decision decide.Decision) bool {
	changed := false
	for _, seen := range decision.Remember.BreakGlass {
		changed = s.SeeBreakGlass(seen, r.now()) || changed
	}
	return changed
}

// glassLine is the log line about what was opened on purpose. An alert looks for it
// (deploy/terraform).
const glassLine = "break glass: a door was opened on purpose"

// page logs what was opened on purpose and was not known yet.
func (r *run) page(ctx context.Context, decision decide.Decision) {
	for _, seen := range decision.Remember.BreakGlass {
		r.Log.ErrorContext(ctx, glassLine, "target", r.request.Target.Name(),
			"field", seen.Field, "by", seen.By, "until", seen.Until.UTC().Format(time.RFC3339))
	}
}

// seeClocks notes since when grants are known, and since when steps are wanted. It
// reports whether that changed the record.
func seeClocks(s *memory.Service, decision decide.Decision) bool {
	changed := false
	for grant, since := range decision.Remember.Relied {
		changed = s.SeeBinding(memory.Binding{Resource: grant.Resource, Role: grant.Role, Member: grant.Members,
			Condition: grant.Condition, FirstSeen: since}) || changed
	}
	wanted := decision.Remember.WantedSince
	if !wanted.IsZero() || door.Exposed(door.Of(decision.Posture)) == door.No {
		changed = s.SeeWanted(wanted) || changed
	}
	ended := decision.Outcome == report.Compliant || decision.Outcome == report.Protected
	if ended && door.GuardedByIAP(decision.Posture) {
		changed = s.SeeProtected() || changed
	}
	return s.SeeContested(decision.Remember.ContestedSince) || changed
}

// rememberSignIn notes at which hosts IAP before a service signs external identities in.
func (r *run) rememberSignIn(ctx context.Context, p posture.Posture) {
	for _, host := range p.SignInHosts() {
		name := p.Target.Project + " " + host
		if now := r.now(); r.instance.sawSignIn(name, now) {
			_, err := r.Memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
				return d.SeeSignIn(p.Target.Project, host, now)
			})
			r.persisted(ctx, err)
		}
	}
}

// rememberFailures stores the writes that did not hold.
func (r *run) rememberFailures(ctx context.Context, unheld []memory.Failure) {
	_, err := r.Memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		changed := false
		for _, failure := range unheld {
			changed = d.Breaker.Fail(failure) || changed
		}
		return changed
	})
	if err != nil {
		r.persisted(ctx, err)
		r.instance.fail(unheld)
	}
}

// seeDoors notes which doors are open and since when, and reports whether that
// changed the record. Where every door is known to be shut, one that is gone is no longer
// open.
func seeDoors(s *memory.Service, p posture.Posture, now time.Time) bool {
	var open, closed []string
	guarded, byIAP := true, false
	for _, one := range door.Of(p) {
		key := one.Key()
		switch {
		case one.Guard.Exposed():
			open, guarded = append(open, key), false
		case one.Guard == door.GuardUnknown:
			guarded = false
		default:
			closed, byIAP = append(closed, key), byIAP || one.Guard == door.GuardIAP
		}
	}
	if guarded && len(open)+len(closed) > 0 {
		for _, gone := range s.Doors {
			closed = append(closed, gone.Key)
		}
	}
	changed := s.SeeDoors(now, open, closed)
	if guarded && byIAP && door.GuardedByIAP(p) && s.SeeGuarded(now) {
		seeAgent(s, p, now)
		changed = true
	}
	return changed
}

// seeAgent notes since when IAP's agent may invoke a service that was found guarded: at least
// since its policy was last written. Who writes the policy, or takes the grant away later,
// must not start its age anew.
func seeAgent(s *memory.Service, p posture.Posture, now time.Time) {
	for _, part := range p.Parts() {
		if !part.Invokers.Holds(posture.RoleInvoker, p.Agent()) {
			continue
		}
		since := now
		if at := part.Invokers.ChangedAt; !at.IsZero() && at.Before(now) {
			since = at
		}
		s.SeeBinding(memory.Binding{Resource: part.Target.Name(), Role: posture.RoleInvoker, Member: p.Agent(), FirstSeen: since})
	}
}

// close ends the run in the memory, unless its outcome leads to another delivery. A look that
// writes nothing ends no run that it joined.
func (r *run) close(ctx context.Context, final report.Report) {
	if final.Outcome.Retries() || r.request.ReadOnly || !r.remembered || final.Target == nil {
		return
	}
	seen := posture.Posture{Target: r.request.Target, Service: posture.Service{UID: final.Target.UID}}
	seen.Target.Project = final.Target.Project
	r.update(ctx, seen, func(s *memory.Service) bool {
		ours := s.Run != nil && s.Run.ID == r.id
		if ours {
			s.Run = nil
		}
		return ours
	})
}

func (r *run) update(ctx context.Context, p posture.Posture, change func(*memory.Service) bool) {
	_, err := r.Memory.UpdateService(ctx, memory.ServiceID{Target: p.Target, UID: p.Service.UID}, change)
	r.persisted(ctx, err)
}

// persisted notes that the memory failed. The run continues, and its report says
// so.
func (r *run) persisted(ctx context.Context, err error) {
	if err == nil {
		return
	}
	r.notPersisted = err
	r.Log.WarnContext(ctx, "the memory does not know of this run", "target", r.request.Target.Name(), "err", err)
}
