package loadbalancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"
)

const ours = "https://www.googleapis.com/compute/beta/projects/demo-project/global/backendServices/ours"

func TestAURLMapGivesTheHostsAndPathsOfABackendService(t *testing.T) {
	const other = "projects/demo-project/global/backendServices/other"
	weighted := &compute.HttpRouteAction{
		WeightedBackendServices: []*compute.WeightedBackendService{{BackendService: ours, Weight: 1}}}
	for _, tc := range []struct {
		name string
		urls compute.UrlMap
		want []string
		uses bool
	}{
		{"by default", compute.UrlMap{DefaultService: ours}, nil, true},
		{"by default, weighted", compute.UrlMap{DefaultRouteAction: weighted}, nil, true},
		{
			"not at all",
			compute.UrlMap{DefaultService: other, HostRules: []*compute.HostRule{{Hosts: []string{"a"}, PathMatcher: "m"}},
				PathMatchers: []*compute.PathMatcher{{Name: "m", DefaultService: other}}}, nil, false},
		{"a redirect only", compute.UrlMap{DefaultUrlRedirect: &compute.HttpRedirectAction{HttpsRedirect: true}}, nil, false},
		{
			"two hosts",
			compute.UrlMap{HostRules: []*compute.HostRule{{Hosts: []string{"a.example.com", "b.example.com"}, PathMatcher: "m"}},
				PathMatchers: []*compute.PathMatcher{{Name: "m", DefaultService: ours}}},
			[]string{"a.example.com", "b.example.com"}, true},
		{"any host by a host rule", compute.UrlMap{HostRules: []*compute.HostRule{{Hosts: []string{"*"}, PathMatcher: "m"}},
			PathMatchers: []*compute.PathMatcher{{Name: "m", DefaultService: ours}}}, nil, true},
		{
			"some paths of a host",
			compute.UrlMap{DefaultService: other,
				HostRules: []*compute.HostRule{{Hosts: []string{"a.example.com"}, PathMatcher: "m"}},
				PathMatchers: []*compute.PathMatcher{{Name: "m", DefaultService: other, PathRules: []*compute.PathRule{
					{Paths: []string{"/api/*", "/v1"}, Service: ours}, {Paths: []string{"/static/*"}, Service: other},
				}}}}, []string{"a.example.com/api/*", "a.example.com/v1"}, true},
		{"route rules", compute.UrlMap{HostRules: []*compute.HostRule{{Hosts: []string{"a.example.com"}, PathMatcher: "m"}},
			PathMatchers: []*compute.PathMatcher{{Name: "m", DefaultService: other, RouteRules: []*compute.HttpRouteRule{
				{RouteAction: weighted, MatchRules: []*compute.HttpRouteRuleMatch{{PrefixMatch: "/in/"}, {FullPathMatch: "/x"}}},
			}}}}, []string{"a.example.com/in/*", "a.example.com/x"}, true},
		{
			"a route rule that asks for a header",
			compute.UrlMap{HostRules: []*compute.HostRule{{Hosts: []string{"a.example.com"}, PathMatcher: "m"}},
				PathMatchers: []*compute.PathMatcher{{Name: "m", DefaultService: other, RouteRules: []*compute.HttpRouteRule{
					{Service: ours, MatchRules: []*compute.HttpRouteRuleMatch{{PrefixMatch: "/"}}},
				}}}}, []string{"a.example.com"}, true},
	} {
		backend, _ := parseLink(ours)
		got, uses := hostsFor(&tc.urls, backend)
		if diff := cmp.Diff(tc.want, got); diff != "" || uses != tc.uses {
			t.Errorf("%s: uses %v, want %v; hosts (-want +got):\n%s", tc.name, uses, tc.uses, diff)
		}
	}
}
