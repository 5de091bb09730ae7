package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
)

// indices are what the record of a service says of the indices that list it.
type indices struct {
	guarded bool      // it was added to that of services that were guarded
	opened  bool      // that of open services was written
	since   time.Time // since when it is open by that; zero = it is not
}

// note has the record of a service say what the indices say.
func (i indices) note(s *memory.Service) bool {
	changed := i.opened && !s.OpenIndexed.Equal(i.since)
	if i.opened {
		s.OpenIndexed = i.since
	}
	return i.guarded && s.SeeIndexed(true) || changed
}

// keepIndices brings the indices up to date with what is known of a service after a look. What a
// run closes within seconds is not worth a write.
func (r *run) keepIndices(ctx context.Context, known memory.Service, decision decide.Decision) (written indices) {
	since := known.OpenLongest()
	if len(decision.Waves) == 0 && !since.Equal(known.OpenIndexed) && r.indexOpen(ctx, decision.Posture.Target, since) {
		written.opened, written.since = true, since
	}
	written.guarded = !known.GuardedSince.IsZero() && !known.Indexed && r.index(ctx, decision.Posture)
	return written
}

// index adds a service that was guarded to the index of these, and reports whether that
// succeeded. The index is read when the policy changes.
func (r *run) index(ctx context.Context, p posture.Posture) bool {
	if p.Target.Instance {
		return false
	}
	err := r.Memory.AddGuarded(ctx, memory.GuardedService{Target: p.Target, Number: p.ProjectNumber, Labels: p.Service.Labels})
	r.persisted(ctx, err)
	return err == nil
}

// indexOpen notes in the index of open services since when one is open, zero = it is not, and
// reports whether that succeeded. The index is read for iapguard status.
func (r *run) indexOpen(ctx context.Context, target posture.Target, since time.Time) bool {
	if target.Instance {
		return false
	}
	err := r.Memory.SetOpen(ctx, target, since)
	r.persisted(ctx, err)
	return err == nil
}

// unindex takes a service that is gone out of the indices. One of the same name that is
// guarded, or open, is added again.
func (r *run) unindex(ctx context.Context) {
	if r.request.DryRun {
		return
	}
	id := memory.ServiceID{Target: r.request.Target}
	known, err := r.Memory.Service(ctx, id)
	if err == nil && !known.OpenIndexed.IsZero() {
		err = r.Memory.SetOpen(ctx, id.Target, time.Time{})
	}
	if err == nil && known.Indexed {
		err = r.Memory.RemoveGuarded(ctx, id.Target)
	}
	if err == nil && (known.Indexed || !known.OpenIndexed.IsZero()) {
		_, err = r.Memory.UpdateService(ctx, id, func(s *memory.Service) bool {
			s.OpenIndexed = time.Time{}
			s.SeeIndexed(false)
			return true
		})
	}
	if err != nil && !errors.Is(err, memory.ErrMissing) {
		r.persisted(ctx, err)
	}
}
