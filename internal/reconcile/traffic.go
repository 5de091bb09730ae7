package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/posture"
)

// served reads whether somebody relied on the ways to a service before it was created.
// What cannot be read makes nothing fail: the service counts as an old one.
func (r *run) served(ctx context.Context, p posture.Posture) *decide.Traffic {
	found := &decide.Traffic{Unread: errors.New("nothing reads the traffic of load balancers")}
	if r.Served != nil {
		found.Served, found.Unread = r.Engine.Served(ctx, p)
	}
	if found.Unread != nil {
		found.Unread = fmt.Errorf("looking for requests from before %s was created: %w", p.Target, found.Unread)
		r.Log.InfoContext(ctx, "the service counts as an old one", "target", p.Target.Name(), "err", found.Unread)
	}
	r.traffic = found
	return found
}
