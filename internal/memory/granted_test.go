package memory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMemberThatMayBeCutIsNotGranted(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, tc := range []struct {
		name, value string
		want        []string
	}{
		{"none", "", nil},
		{"two", "user:a@example.com user:b@example.com", []string{"user:a@example.com", "user:b@example.com"}},
		{"the last is cut", "user:a@example.com user:" + long, []string{"user:a@example.com"}},
		{"the only one is cut", "user:" + long, nil},
	} {
		s := Service{}
		s.AddWrite(Write{Op: "grant-access", Value: tc.value})
		got := s.Wrote[0].Granted()
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
