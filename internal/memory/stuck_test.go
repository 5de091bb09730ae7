package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/memory"
)

func TestAMovedOrClosedDoorKeepsTheLongestClock(t *testing.T) {
	var s memory.Service
	s.SeeDoors(began, []string{"a"}, nil)
	s.SeeDoors(began.Add(time.Hour), []string{"b"}, nil) // a is gone, and was never seen shut
	if got := s.OpenLongest(); !got.Equal(began) {
		t.Errorf("open since %s, want %s", got, began)
	}
	s.SeeDoors(began.Add(2*time.Hour), []string{"b"}, []string{"a"})
	if got := s.OpenLongest(); !got.Equal(began) {
		t.Errorf("after the first was seen shut: %s, want %s: one was open all the time", got, began)
	}
	s.SeeDoors(began.Add(3*time.Hour), nil, []string{"b"})
	if got := s.OpenLongest(); !got.IsZero() {
		t.Errorf("after all were seen shut: %s", got)
	}
	s.SeeDoors(began.Add(4*time.Hour), []string{"c"}, nil)
	if got := s.OpenLongest(); !got.Equal(began.Add(4 * time.Hour)) {
		t.Errorf("opened again: %s", got)
	}
	s.OthersOpenSince = began.Add(-time.Hour)
	if got := s.OpenLongest(); !got.Equal(began.Add(-time.Hour)) {
		t.Errorf("doors that were dropped for size: %s", got)
	}
}

func TestClosedLastsUntilTheServiceIsProtected(t *testing.T) {
	s := memory.Service{Name: "n", UID: "uid-1"}
	if !s.SeeClosed(began) || s.SeeClosed(began.Add(time.Hour)) || !s.ClosedSince.Equal(began) {
		t.Fatalf("closed since %s", s.ClosedSince)
	}
	if s.SeeGuarded(began.Add(2 * time.Hour)); s.ClosedSince.IsZero() {
		t.Error("it is over although an obstacle may stand there still")
	}
	if !s.SeeProtected() || s.SeeProtected() || !s.ClosedSince.IsZero() {
		t.Errorf("protected, and closed since %s", s.ClosedSince)
	}
}

func TestARecreatedServiceIsClosedAsBefore(t *testing.T) {
	m := open(memory.NewInProcess())
	update(t, m, first, func(s *memory.Service) bool { return s.SeeClosed(began) })
	if got, _ := m.Service(t.Context(), second); !got.ClosedSince.Equal(began) {
		t.Errorf("closed since %s, want %s", got.ClosedSince, began)
	}
}

func TestSignInPagesAreKnownForAWeekInTheirProject(t *testing.T) {
	var d memory.Deployment
	if !d.SeeSignIn("p", "auth.example.com", began) || d.SeeSignIn("p", "auth.example.com", began.Add(23*time.Hour)) ||
		!d.SeeSignIn("p", "auth.example.com", began.Add(24*time.Hour)) {
		t.Errorf("%v: it changes once a day", d.SignIn)
	}
	for _, tc := range []struct {
		project string
		day     int
		want    []string
	}{{"p", 1, []string{"auth.example.com"}}, {"q", 1, nil}, {"p", 8, nil}} {
		got := d.SignInAt(tc.project, began.Add(time.Duration(tc.day)*24*time.Hour))
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("project %s on day %d (-want +got):\n%s", tc.project, tc.day, diff)
		}
	}
	for i := range 300 {
		d.SeeSignIn("p", fmt.Sprintf("%d.example.com", i), began.Add(25*time.Hour))
	}
	if len(d.SignIn) > 100 {
		t.Errorf("%d hosts are remembered", len(d.SignIn))
	}
}
