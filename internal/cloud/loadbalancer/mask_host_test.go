package loadbalancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"
)

func TestAPatternNamesTheHostsThatMasksSelectToo(t *testing.T) {
	masked := link{project: "demo-project", location: "global", collection: "backendServices", name: "masked"}
	elsewhere := link{project: "demo-project", location: "global", collection: "backendServices", name: "elsewhere"}
	m := masks{hosts: map[link][]selection{masked: {{host: "shop.example.com"}}, elsewhere: {{host: "cart.example.com"}}}}
	path := []string{"/events/*"}
	for _, tc := range []struct {
		name   string
		hosts  []string // of the URL map's rules
		routes []route
		want   []route
	}{
		{"any host", []string{"*"}, []route{{paths: path}},
			[]route{{hosts: []string{"shop.example.com"}, paths: path}, {paths: path}}},
		{"copies to any host", []string{"*"}, []route{{mirror: true}},
			[]route{{hosts: []string{"shop.example.com"}, mirror: true}, {mirror: true}}},
		{"a pattern", []string{"*.Example.com"}, []route{{hosts: []string{"*.Example.com"}, paths: path}},
			[]route{{hosts: []string{"*.Example.com", "shop.example.com"}, paths: path}}},
		{"another pattern", []string{"*.example.net"}, []route{{hosts: []string{"*.example.net"}}},
			[]route{{hosts: []string{"*.example.net"}}}},
		{"the host itself, which another rule has", []string{"*", "shop.example.com"}, []route{{paths: path}},
			[]route{{paths: path}}},
		{"the host itself", []string{"*"}, []route{{hosts: []string{"shop.example.com", "*.example.com"}}},
			[]route{{hosts: []string{"shop.example.com", "*.example.com"}}}},
	} {
		urlMap := &compute.UrlMap{HostRules: []*compute.HostRule{{Hosts: tc.hosts, PathMatcher: "m"}},
			PathMatchers: []*compute.PathMatcher{{Name: "m",
				DefaultService: "https://www.googleapis.com/compute/v1/" + masked.path()}}}
		got := m.naming(urlMap, tc.routes)
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(route{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
