package cloud

import (
	"slices"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// unread collects the facts that could not be read. The zero value is empty.
type unread struct {
	mu    sync.Mutex
	found []posture.Unread
}

// optional turns an error that will not pass by itself into a note, and returns every
// other. That holds for a 404 too: nothing is concluded from it.
func (u *unread) optional(resource string, err error) error {
	if !fault.Lasting(err) {
		return err
	}
	u.note(resource, err)
	return nil
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

// why says why a resource is unread, "" where it is not.
func (u *unread) why(resource string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := slices.IndexFunc(u.found, func(f posture.Unread) bool { return f.Resource == resource })
	if at < 0 {
		return ""
	}
	return u.found[at].Why
}

// sorted returns the notes by resource, once all reads have ended.
func (u *unread) sorted() []posture.Unread {
	slices.SortFunc(u.found, func(a, b posture.Unread) int { return strings.Compare(a.Resource, b.Resource) })
	return u.found
}
