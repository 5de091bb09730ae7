package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
)

const (
	// shareOfOverall is the part of a rule's limits.overall that one project may use up.
	shareOfOverall = 5
	// trialOf is how many services may change in the first hour of a new version.
	trialOf = 10
	// withoutMemory divides the limits while the memory cannot be read: then each
	// instance counts for itself.
	withoutMemory = 10
	// againInProject and againOverall are how many services are guarded again within an
	// hour without a pause; pauseOfAgain is the pause between the further ones.
	againInProject = 50
	againOverall   = 300
	pauseOfAgain   = time.Minute
)

// slot asks for a slot of the limits. It is asked once in a run.
func (r *run) slot(ctx context.Context, p target, wanted decide.SlotRequest) *decide.Slot {
	if r.slotTaken != nil {
		return r.slotTaken
	}
	if wanted.Again {
		r.slotTaken = r.instance.again.Take(p.project, p.uid, r.now())
		return r.slotTaken
	}
	limits := r.limits(ctx, p.project, wanted)
	taker := memory.Taker{UID: p.uid, Name: p.project + "/" + r.request.Target.Service}
	full, err := r.Memory.TakeSlot(ctx, taker, limits)
	if err != nil {
		r.persisted(ctx, err)
		full, _ = r.instance.slots.TakeSlot(ctx, taker, tightened(limits)) // in this process nothing fails
	}
	answer := &decide.Slot{}
	if full != nil {
		answer.UsedUp, answer.Until = decide.UsedUp(*full, wanted.Rule), full.Until
	}
	r.slotTaken = answer
	return answer
}

// target is a service as limits count it.
type target struct{ project, uid string }

// limits are those of a rule for a project, and that of a version in its first hour.
func (r *run) limits(ctx context.Context, project string, wanted decide.SlotRequest) []memory.Limit {
	inProject, overall := wanted.Limits.PerProject, wanted.Limits.Overall
	limits := []memory.Limit{
		{Name: "limits.perProject", Project: project, Key: wanted.Rule, Most: inProject},
		{Name: "limits.overall", Key: wanted.Rule, Most: overall},
	}
	if share := max(1, overall/shareOfOverall); overall > 0 && (inProject == 0 || share < inProject) {
		limits[0].Name, limits[0].Most = "a fifth of limits.overall, which is what a project may use,", share
	}
	if version := r.Version + " " + r.Policy().Digest(); r.onTrial(ctx, version) {
		limits = append(limits, memory.Limit{
			Name: "what a new version of the policy or of iapguard may change in its first hour, whatever limits", Key: "version " + version,
			Most: trialOf,
		})
	}
	return limits
}

// onTrial reports whether a version of the policy and of ours is in its first hour. While
// the memory cannot be read, it counts as new.
func (r *run) onTrial(ctx context.Context, version string) bool {
	now := r.now()
	since, known := r.instance.version(version)
	if !known {
		found, err := r.Memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool { return d.SeeVersion(version, now) })
		if err != nil {
			r.persisted(ctx, err)
			return true
		}
		since = found.Versions[version]
		r.instance.sawVersion(version, since)
	}
	return now.Sub(since) < decide.Window
}

// tightened are limits whose slots this process counts alone.
func tightened(limits []memory.Limit) []memory.Limit {
	var own []memory.Limit
	for _, limit := range limits {
		if limit.Most > 0 {
			limit.Most = max(1, limit.Most/withoutMemory)
		}
		own = append(own, limit)
	}
	return own
}

// Again counts, in this process, the services that are guarded again. It bounds how fast
// many of them change, and stops none. The zero value has counted nothing.
type Again struct {
	mu    sync.Mutex
	taken map[target]time.Time
	last  time.Time // when the last of those beyond the bounds was let in
}

// Take lets a service be guarded again, or says from when on it may be.
func (a *Again) Take(project, uid string, now time.Time) *decide.Slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken == nil {
		a.taken = map[target]time.Time{}
	}
	one, inProject := target{project, uid}, 0
	for each, at := range a.taken {
		if now.Sub(at) >= decide.Window {
			delete(a.taken, each)
		} else if each.project == project {
			inProject++
		}
	}
	if _, has := a.taken[one]; !has && (inProject >= againInProject || len(a.taken) >= againOverall) {
		if next := a.last.Add(pauseOfAgain); now.Before(next) {
			return &decide.Slot{UsedUp: fmt.Sprintf("%d services of project %s, and %d in all, were guarded again within an hour, "+
				"and further ones follow one a minute", inProject, project, len(a.taken)), Until: next}
		}
		a.last = now
	}
	a.taken[one] = now
	return &decide.Slot{}
}
