package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/timeout"
)

// A version of the policy that loosens more than one of so many guarded services waits for
// an approver: 5 %.
const looseOneIn = 20

// comparing bounds how long the comparison of two versions takes, with what it reads.
const comparing = 25 * time.Second

// sayAgain is how often the log says that a version waits.
const sayAgain = time.Minute

// change decides whether a version of the file comes into force, which differs from the one
// in force as far as this process or the memory knows.
func (s *policySource) change(ctx context.Context, next version) {
	ctx, cancel := timeout.With(ctx, s.clock, comparing, "the comparison of two policy versions")
	defer cancel()
	known, err := s.deployment(ctx)
	if err != nil {
		s.undecided(next, err)
		return
	}
	sum, waits := memory.SumOf(next.text), known.Waiting
	switch {
	case known.Policy.Sum == sum:
		s.put(next, true)
	case known.Policy.Sum == "":
		s.enforce(ctx, known, next)
	case waits != nil && waits.Sum == sum && waits.Over == known.Policy.Sum && waits.ApprovedBy != "":
		s.log.Info("an approved policy version comes into force", "digest", next.Digest(), "by", waits.ApprovedBy)
		s.enforce(ctx, known, next)
	case waits != nil && waits.Sum == sum && waits.Over == known.Policy.Sum:
		s.keep(ctx, known, next)
	default:
		s.compare(ctx, known, next)
	}
}

// compare decides about a version that is new to the deployment.
func (s *policySource) compare(ctx context.Context, known memory.Deployment, next version) {
	before, err := s.textOf(ctx, known.Policy)
	if errors.Is(err, memory.ErrMissing) {
		s.log.Error("the policy version before is not in the memory, and the new one is not compared with it",
			"from", known.Policy.Digest, "to", next.Digest(), "err", err)
		s.enforce(ctx, known, next)
		return
	}
	var waiting memory.WaitingPolicy
	if err == nil {
		waiting, err = s.loosened(ctx, before.Policy, next)
	}
	if err != nil {
		s.undecided(next, err)
		return
	}
	_, waiting.Older = known.Policies[waiting.Sum]
	if !waiting.Older && waiting.Loosened*looseOneIn <= waiting.Guarded {
		s.enforce(ctx, known, next)
		return
	}
	if waiting.Older && len(waiting.Approvers) == 0 {
		waiting.Approvers = before.Approvers()
	}
	waiting.Over = known.Policy.Sum
	known, err = s.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		return d.Policy.Sum == waiting.Over && d.Await(waiting)
	})
	if err != nil {
		s.log.Warn("the memory does not know that a policy version waits for an approver", "err", err)
		known.Await(waiting)
	}
	s.keep(ctx, known, next)
}

// loosened compares a version with the one before it, for every guarded service.
func (s *policySource) loosened(ctx context.Context, before policy.Policy, next version) (memory.WaitingPolicy, error) {
	waiting := memory.WaitingPolicy{Digest: next.Digest(), Sum: memory.SumOf(next.text), Since: s.now().UTC().Round(0)}
	guarded, err := s.memory.GuardedServices(ctx)
	if err != nil {
		return waiting, err
	}
	waiting.Guarded = len(guarded)
	above := map[string]posture.Ancestors{}
	if next.Asks().Folders || before.Asks().Folders {
		above = s.ancestors(ctx, guarded)
	}
	approvers := map[string]bool{}
	for _, service := range guarded {
		subject := policy.Subject{Target: service.Target, ProjectNumber: service.Number, Labels: service.Labels,
			Ancestors: above[service.Target.Project]}
		keys := next.Looser(before, subject, s.now())
		if len(keys) == 0 {
			continue
		}
		waiting.Loosened++
		waiting.Services = append(waiting.Services, service.Target.Name()+": "+strings.Join(keys, ", "))
		settings, _ := before.For(subject)
		for _, approver := range settings.Approvers {
			if !approvers[approver] {
				approvers[approver], waiting.Approvers = true, append(waiting.Approvers, approver)
			}
		}
	}
	return waiting, nil
}

// projectsTogether is how many projects are asked side by side.
const projectsTogether = 16

// ancestors reads what lies above the projects of services. What cannot be read is not known.
func (s *policySource) ancestors(ctx context.Context, services []memory.GuardedService) map[string]posture.Ancestors {
	var projects []string
	for _, service := range services {
		projects = append(projects, service.Target.Project)
	}
	slices.Sort(projects)
	projects = slices.Compact(projects)
	found := make([]posture.Ancestors, len(projects))
	var group errgroup.Group
	group.SetLimit(projectsTogether)
	for i, project := range projects {
		if s.above != nil {
			group.Go(func() error { found[i] = s.above(ctx, project); return nil })
		}
	}
	_ = group.Wait()
	above := map[string]posture.Ancestors{}
	for i, project := range projects {
		above[project] = found[i]
	}
	return above
}

// ancestorsOf reads what lies above one project.
func ancestorsOf(ctx context.Context, clients *cloud.Cloud, project string) posture.Ancestors {
	p := posture.Posture{Target: posture.Target{Project: project}}
	if err := clients.Describe(ctx, &p, policy.Asked{Folders: true}); err != nil {
		return posture.Ancestors{Unread: err.Error()}
	}
	return p.Ancestors
}

// enforce has a version come into force, and the memory know it.
func (s *policySource) enforce(ctx context.Context, known memory.Deployment, next version) {
	kept, err := s.memory.KeepPolicy(ctx, next.Digest(), next.text, s.now())
	if err == nil {
		known, err = s.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
			return d.Policy.Sum == known.Policy.Sum && d.Enforce(kept)
		})
	}
	if err != nil {
		s.log.Warn("the memory does not know the policy in force", "digest", next.Digest(), "err", err)
		s.put(next, false)
		return
	}
	if known.Policy.Sum != memory.SumOf(next.text) {
		return // another process changed it meanwhile: it is compared again
	}
	s.put(next, true)
}

// undecided is about a version that cannot be compared now. It does not replace a good one.
func (s *policySource) undecided(next version, why error) {
	s.mu.Lock()
	known, same := s.sum != "", s.sum == memory.SumOf(next.text)
	s.mu.Unlock()
	switch {
	case same: // it is in force, and the memory does not say whether it may be
	case known:
		s.log.Error("a policy version waits until the memory can be read, the one before stays in force",
			"digest", next.Digest(), "err", why)
	default:
		s.log.Error("the memory does not say which policy was in force before: the one of the file is",
			"digest", next.Digest(), "err", why)
		s.put(next, false)
	}
}

// keep has the version in force stay, while the next one waits for an approver.
func (s *policySource) keep(ctx context.Context, known memory.Deployment, next version) {
	waiting := *known.Waiting
	line := waiting.String()
	s.mu.Lock()
	has, now := s.sum == waiting.Over, s.now()
	say := s.said.IsZero() || now.Sub(s.said) >= sayAgain
	if say {
		s.said = now
	}
	s.mu.Unlock()
	if say {
		s.log.Warn("a policy version waits for an approver", "digest", waiting.Digest, "what", line)
	}
	if !has {
		before, err := s.textOf(ctx, known.Policy)
		if err != nil {
			s.undecided(next, err)
			return
		}
		s.putKept(before, &next.Policy)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound { // the file may have changed since
		s.policy = s.base.Within(&next.Policy)
	}
	s.policy, s.waits = s.policy.Announcing(line), true
}

// withdrawn notes that the file has the policy in force again: nothing waits any more.
func (s *policySource) withdrawn(ctx context.Context) {
	_, err := s.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		stale := d.Waiting != nil && d.Waiting.Over == d.Policy.Sum
		if stale {
			d.Waiting = nil
		}
		return stale
	})
	if err != nil {
		s.log.Warn("the memory does not know that no policy version waits any more", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = err != nil
}

// approve lets a version in that waits, on the word of an account that may do so. It returns
// what was approved. The error says in one line why it was not.
func (s *policySource) approve(ctx context.Context, digest, by string) (memory.WaitingPolicy, error) {
	inForce := policy.Settings{Approvers: s.inForce().Approvers()}
	found, err := s.deployment(ctx)
	switch waits := found.Waiting; {
	case err != nil:
		return memory.WaitingPolicy{}, fmt.Errorf("reading which policy waits: %w", err)
	case waits == nil || waits.Digest != digest:
		return memory.WaitingPolicy{}, fault.New(fault.NotFound, "no plan %s waits for an approval, and no policy of that "+
			"digest: iapguard status says which policy waits", posture.Shown(digest))
	// The record may be anybody's: the policy in force has to name the account too.
	case !inForce.MayApprove(by) || !(policy.Settings{Approvers: waits.Approvers}).MayApprove(by):
		return memory.WaitingPolicy{}, fault.New(fault.Denied, "%s may not approve policy %s, as the policy in force names "+
			"approvers of what it loosens: %s", posture.Shown(by), digest, cmp.Or(strings.Join(waits.Approvers, ", "), "nobody"))
	case waits.ApprovedBy != "":
		return memory.WaitingPolicy{}, fault.New(fault.Conflict, "policy %s was approved before, by %s", digest, waits.ApprovedBy)
	}
	waits, approved := *found.Waiting, false
	found, err = s.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		same := d.Waiting != nil && d.Waiting.Sum == waits.Sum && d.Waiting.Over == waits.Over
		approved = same && d.ApprovePolicy(digest, by, s.now())
		return approved
	})
	switch {
	case !memory.Persisted(err):
		return memory.WaitingPolicy{}, fmt.Errorf("storing the approval of policy %s: %w", digest, err)
	case !approved:
		return memory.WaitingPolicy{}, fault.New(fault.Conflict, "policy %s does not wait any more", digest)
	}
	s.log.InfoContext(ctx, "a policy version is approved", "digest", digest, "by", by)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = time.Unix(0, 0) // the next look reads the file again
	return *found.Waiting, nil
}
