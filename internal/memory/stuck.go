package memory

import "time"

// OpenLongest is when the door that has been open for longest was first seen open; zero =
// none is. A door that is gone, and was never seen closed, counts while another one is
// open: who moves a door does not restart its clock.
func (s *Service) OpenLongest() time.Time {
	since := s.OthersOpenSince
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
