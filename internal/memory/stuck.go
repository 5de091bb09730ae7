package memory

import "time"

// OpenLongest is since when one door or another has been seen open without a break; zero =
// none is. A door that is gone, or was closed, counts while another one is open: who moves a
// door, or closes one of two, does not restart the clock.
func (s *Service) OpenLongest() time.Time {
	since := s.OthersOpenSince
	if at := s.AnyOpenSince; since.IsZero() || !at.IsZero() && at.Before(since) {
		since = at
	}
	for _, door := range s.Doors {
		if since.IsZero() || door.OpenSince.Before(since) {
			since = door.OpenSince
		}
	}
	return since
}

// SeeClosed notes that we closed the service, which was open although it should be guarded.
// It reports whether the record changed.
func (s *Service) SeeClosed(at time.Time) bool {
	if !s.ClosedSince.IsZero() {
		return false
	}
	s.ClosedSince = at
	return true
}

// SeeProtected notes that the service is guarded by IAP, and nothing is left to do about it:
// that it was closed is over. It reports whether the record changed.
func (s *Service) SeeProtected() bool {
	changed := !s.ClosedSince.IsZero()
	s.ClosedSince = time.Time{}
	return changed
}

// SeeContested notes since when others undo fields of ours again and again; zero = nobody
// does. It reports whether the record changed.
func (s *Service) SeeContested(since time.Time) bool {
	changed := !s.ContestedSince.Equal(since)
	s.ContestedSince = since.UTC().Round(0)
	return changed
}
