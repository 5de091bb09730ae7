package posture

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFrontendShowsASampleOfItsAddresses(t *testing.T) {
	many := func(format string) (made []string) {
		for i := range 10_000 {
			made = append(made, fmt.Sprintf(format, i))
		}
		return made
	}
	hosts, paths := many("h%d.example.com"), many("/p%d/*")
	for _, tc := range []struct {
		name     string
		frontend Frontend
		most     int
		want     []string
		total    int
	}{
		{"any host", Frontend{Address: "203.0.113.7"}, 3, []string{"http://203.0.113.7"}, 1},
		{"any host, some paths", Frontend{Address: "203.0.113.7", Paths: []string{"/a", "/b/*"}}, 3,
			[]string{"http://203.0.113.7/a", "http://203.0.113.7/b/*"}, 2},
		{"each host with each path", Frontend{Hosts: []string{"a", "b"}, Paths: []string{"/1", "/2"}}, 4,
			[]string{"http://a/1", "http://a/2", "http://b/1", "http://b/2"}, 4},
		{"many hosts rather than many paths", Frontend{Hosts: hosts, Paths: paths, HTTPS: true}, 2,
			[]string{"https://h0.example.com/p0/*", "https://h1.example.com/p0/*"}, 100_000_000},
		{"many paths of a few hosts", Frontend{Hosts: hosts[:2], Paths: paths}, 3,
			[]string{"http://h0.example.com/p0/*", "http://h0.example.com/p1/*", "http://h1.example.com/p0/*"}, 20_000},
		{"none", Frontend{Hosts: hosts, Paths: paths}, 0, nil, 100_000_000},
	} {
		got, total := tc.frontend.Addresses(tc.most)
		if diff := cmp.Diff(tc.want, got); diff != "" || total != tc.total {
			t.Errorf("%s: %d in all, want %d (-want +got):\n%s", tc.name, total, tc.total, diff)
		}
	}
}
