package cloud

import (
	"cmp"
	"slices"
	"sync"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// unread collects the facts that could not be read. The zero value is empty.
type unread struct {
	mu    sync.Mutex
	found []posture.Unread
	worst error // of a fact without which nothing may be written
	apis  []string
}

// off notes an API that is switched off in the service's project.
func (u *unread) off(api string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.apis, api) {
		u.apis = append(u.apis, api)
		slices.Sort(u.apis)
	}
}

// optional notes an error that will not pass by itself, and returns every other.
// That holds for a 404 too: nothing is concluded from it.
func (u *unread) optional(resource string, err error) error {
	if !fault.Lasting(err) {
		return err
	}
	u.note(resource, err)
	return nil
}

// additional notes a fact without which services are protected even so, and returns
// why it is unread, "" where it was read. A failure that may pass is a needed fact's:
// another look may read it. A 404 is not such a failure, and nothing is concluded
// from it.
func (u *unread) additional(resource string, err error) (why string) {
	if err != nil && !fault.Lasting(err) {
		return u.needed(resource, err)
	}
	u.note(resource, err)
	if err == nil {
		return ""
	}
	return err.Error()
}

// needed notes an error of any kind, and that nothing may be written without the
// fact. It returns why the fact is unread, "" where it was read.
func (u *unread) needed(resource string, err error) (why string) {
	if err == nil {
		return ""
	}
	u.note(resource, err)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.worst == nil || before(err, u.worst) {
		u.worst = err
	}
	return err.Error()
}

// before reports whether of two errors of one observation the first decides what
// becomes of it: that the service is gone, then a failure that may pass, since
// another look may read more. The texts decide between equals, so that the order in
// which reads end does not.
func before(a, b error) bool {
	return cmp.Or(cmp.Compare(urgency(a), urgency(b)), cmp.Compare(a.Error(), b.Error())) < 0
}

func urgency(err error) int {
	switch fault.ActionOf(err) {
	case fault.Gone:
		return 0
	case fault.Block:
		return 2
	}
	return 1
}

// include adds what could not be read of a part. That a part does not exist is a failure
// that may pass.
func (u *unread) include(part *unread) {
	part.mu.Lock()
	defer part.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found = append(u.found, part.found...)
	for _, api := range part.apis {
		if !slices.Contains(u.apis, api) {
			u.apis = append(u.apis, api)
		}
	}
	worst := part.worst
	if worst != nil && fault.ActionOf(worst) == fault.Gone {
		worst = fault.New(fault.Unavailable, "a region of the service is not there: %v", worst)
	}
	if worst != nil && (u.worst == nil || before(worst, u.worst)) {
		u.worst = worst
	}
}

// note keeps an error of any kind, and ignores nil.
func (u *unread) note(resource string, err error) {
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found = append(u.found, posture.Unread{Resource: resource, Why: err.Error(), Permission: fault.Of(err).Permission})
}

// sorted returns the notes by resource, once all reads have ended.
func (u *unread) sorted() []posture.Unread {
	slices.SortFunc(u.found, func(a, b posture.Unread) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Why, b.Why))
	})
	return slices.Compact(u.found)
}
