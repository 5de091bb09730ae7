package reconcile

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// instance is what one instance knows by itself, beside the memory that all share: what
// the memory could not store, and what saves work.
type instance struct {
	slots *memory.Memory // the limits' slots, while the memory that all share cannot be read
	again Again

	mu       sync.Mutex
	failed   []memory.Failure             // writes that did not hold
	versions map[string]time.Time         // since when a version is at work
	kept     map[posture.Target]time.Time // when all doors were last found kept
	signIn   map[string]time.Time         // when a sign-in page was last noted
	relied   map[posture.Target]relied    // grants that steps wait for
	states   map[posture.Target]standing  // the lasting state that was last published
}

// relied are grants that steps of a service wait for, with the time since when they are known.
type relied struct {
	uid    string
	grants map[policy.Grant]time.Time
}

func newInstance(shared *memory.Memory) *instance {
	return &instance{
		slots: shared.Apart(),
		kept:  map[posture.Target]time.Time{}, signIn: map[string]time.Time{},
		relied: map[posture.Target]relied{}, states: map[posture.Target]standing{},
	}
}

// mostRelied bounds of how many services an instance knows the grants.
const mostRelied = 10_000

// rely notes which grants the steps of a service wait for, none where they wait for none.
func (i *instance) rely(p posture.Posture, grants map[policy.Grant]time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	known := i.relied[p.Target]
	if len(grants) == 0 || known.uid != p.Service.UID {
		delete(i.relied, p.Target)
		known = relied{p.Service.UID, map[policy.Grant]time.Time{}}
	}
	for grant, since := range grants {
		if at := known.grants[grant]; at.IsZero() || since.Before(at) {
			known.grants[grant] = since
		}
	}
	if len(known.grants) == 0 {
		return
	}
	if len(i.relied) >= mostRelied {
		for arbitrary := range i.relied {
			delete(i.relied, arbitrary)
			break
		}
	}
	i.relied[p.Target] = known
}

// reliedOf are the grants that the steps of a service wait for.
func (i *instance) reliedOf(p posture.Posture) map[policy.Grant]time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	if known := i.relied[p.Target]; known.uid == p.Service.UID {
		return maps.Clone(known.grants)
	}
	return nil
}

// keep notes that all doors of a service were found kept.
func (i *instance) keep(target posture.Target, at time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept[target] = at
}

// keptAt is when all doors were last found kept, zero if they were not.
func (i *instance) keptAt(target posture.Target) time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.kept[target]
}

// sawSignIn reports whether a sign-in page is to be noted in the memory, which is asked once
// an hour.
func (i *instance) sawSignIn(name string, at time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if at.Sub(i.signIn[name]) < decide.Window || len(i.signIn) >= mostSignIn {
		return false
	}
	i.signIn[name] = at
	return true
}

// mostSignIn bounds how many sign-in pages an instance notes.
const mostSignIn = 1000

// fail notes writes that did not hold and that the memory could not store.
func (i *instance) fail(unheld []memory.Failure) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed = append(i.failed, unheld...)
}

// failures are those within the window.
func (i *instance) failures(now time.Time) []memory.Failure {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed = slices.DeleteFunc(i.failed, func(f memory.Failure) bool { return now.Sub(f.At) >= decide.Window })
	return slices.Clone(i.failed)
}

// version is since when a version is at work, where this instance knows it.
func (i *instance) version(version string) (since time.Time, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	since, known = i.versions[version]
	return since, known
}

// sawVersion notes since when a version is at work. The latest one is enough.
func (i *instance) sawVersion(version string, since time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.versions = map[string]time.Time{version: since}
}
