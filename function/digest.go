package function

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// mostInDigest is how many open services the digest names. A label of an alert has room for
// about a thousand characters.
const mostInDigest = 8

// digest logs one line about the states that stand: what is open, held or late. Cloud
// Scheduler sends the command once a day, and an alert on the line makes one message of it
// (deploy/terraform/modules/monitoring). What woke somebody already is in it too.
func (f *Function) digest(ctx context.Context) {
	s := f.status(ctx)
	now := f.clock.Now()
	line := []slog.Attr{
		slog.Int("open", len(s.Open)+s.OpenMore), slog.Int("holds", len(s.Holds)), slog.Int("overdue", s.Overdue),
		slog.Int("guarded", s.Guarded), slog.String("open_services", openServices(s, now)),
	}
	if s.Waiting != nil {
		line = append(line, slog.Bool("policy_waits", true))
	}
	if len(s.Breaker) > 0 {
		line = append(line, slog.Int("breaker", len(s.Breaker)))
	}
	if unread := s.Unread; len(unread) > 0 || s.HoldsUnread != "" {
		line = append(line, slog.String("unread", strings.Join(append(unread, s.HoldsUnread), "; ")))
	}
	f.log.LogAttrs(ctx, slog.LevelInfo, "digest", line...)
}

// openServices names the services that are open longest, and says how many more there are.
func openServices(s *Status, now time.Time) string {
	var all []string
	for _, one := range s.Open[:min(len(s.Open), mostInDigest)] {
		name := one.Service
		if t, err := posture.ParseTarget(name); err == nil {
			name = fmt.Sprintf("%s (%s, %s)", t.Service, t.Location, t.Project)
		}
		all = append(all, fmt.Sprintf("%s for %s", name, now.Sub(one.Since).Truncate(time.Minute)))
	}
	if more := len(s.Open) + s.OpenMore - len(all); more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, "; ")
}
