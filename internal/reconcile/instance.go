package reconcile

import (
	"slices"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
)

// instance is what one instance knows by itself, beside the memory that all share: what
// the memory could not store, and what saves work.
type instance struct {
	slots *memory.Memory // the limits' slots, while the memory that all share cannot be read
	again again

	mu       sync.Mutex
	failed   []memory.Failure             // writes that did not hold
	versions map[string]time.Time         // since when a version is at work
	kept     map[posture.Target]time.Time // when all doors were last found kept
	signIn   map[string]time.Time         // when a sign-in page was last noted
}

func newInstance(shared *memory.Memory) *instance {
	return &instance{
		slots: shared.Apart(),
		again: again{taken: map[target]time.Time{}}, kept: map[posture.Target]time.Time{}, signIn: map[string]time.Time{},
	}
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
