package decide

import (
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Accepted reports whether the policy accepts that it is unknown who gets in: no door is
// open, and each that is unknown is so for want of a fact that may stay unread. A door that
// is unknown for another reason is not accepted with it.
func Accepted(doors []door.Door, unread []posture.Unread, s policy.Settings, at time.Time) bool {
	return len(doors) > 0 && door.Exposed(doors) == door.Unknown &&
		!slices.ContainsFunc(doors, func(d door.Door) bool {
			return d.Guard == door.GuardUnknown && !slices.ContainsFunc(unread, func(fact posture.Unread) bool {
				return fact.Why != "" && strings.Contains(d.Why, fact.Why) && s.AcceptsUnread(fact, at)
			})
		})
}
