package loadbalancer

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"
)

const ours = "https://www.googleapis.com/compute/beta/projects/demo-project/global/backendServices/ours"
const other = "projects/demo-project/global/backendServices/other"

// hostRules lead hosts to the path matcher m.
func hostRules(hosts ...string) []*compute.HostRule {
	return []*compute.HostRule{{Hosts: hosts, PathMatcher: "m"}}
}

func matchers(list ...*compute.PathMatcher) []*compute.PathMatcher {
	for _, each := range list {
		each.Name = "m"
	}
	return list
}

func TestAURLMapGivesEveryRouteToABackendService(t *testing.T) {
	weighted := &compute.HttpRouteAction{
		WeightedBackendServices: []*compute.WeightedBackendService{{BackendService: ours, Weight: 1}}}
	mirrored := &compute.HttpRouteAction{RequestMirrorPolicy: &compute.RequestMirrorPolicy{BackendService: ours}}
	somePaths := matchers(&compute.PathMatcher{DefaultService: other, PathRules: []*compute.PathRule{
		{Paths: []string{"/api/*", "/v1"}, Service: ours}, {Paths: []string{"/static/*"}, Service: other}}})
	for _, tc := range []struct {
		name string
		urls compute.UrlMap
		want []route
	}{
		{"nothing", compute.UrlMap{}, nil},
		{"by default", compute.UrlMap{DefaultService: ours}, []route{{}}},
		{"by default, weighted", compute.UrlMap{DefaultRouteAction: weighted}, []route{{}}},
		{"not at all", compute.UrlMap{DefaultService: other, HostRules: hostRules("a"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: other})}, nil},
		{"a redirect only", compute.UrlMap{DefaultUrlRedirect: &compute.HttpRedirectAction{HttpsRedirect: true}}, nil},
		{"two hosts", compute.UrlMap{HostRules: hostRules("a.example.com", "b.example.com"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: ours})},
			[]route{{hosts: []string{"a.example.com", "b.example.com"}}}},
		{"any host by a host rule, and one by name", compute.UrlMap{HostRules: hostRules("*", "a.example.com"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: ours})},
			[]route{{}, {hosts: []string{"a.example.com"}}}},
		{"by default, where a host rule has every host", compute.UrlMap{DefaultService: ours, HostRules: hostRules("*"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: other})}, nil},
		{"some paths of two hosts", compute.UrlMap{DefaultService: other, PathMatchers: somePaths,
			HostRules: hostRules("a.example.com", "b.example.com")},
			[]route{{hosts: []string{"a.example.com", "b.example.com"}, paths: []string{"/api/*", "/v1"}}}},
		{"by default, and some paths of a host", compute.UrlMap{DefaultService: ours, PathMatchers: somePaths,
			HostRules: hostRules("a.example.com")},
			[]route{{}, {hosts: []string{"a.example.com"}, paths: []string{"/api/*", "/v1"}}}},
		{"route rules", compute.UrlMap{HostRules: hostRules("a.example.com"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: other, RouteRules: []*compute.HttpRouteRule{
				{RouteAction: weighted, MatchRules: []*compute.HttpRouteRuleMatch{{PrefixMatch: "/in/"}, {FullPathMatch: "/x"}}},
			}})}, []route{{hosts: []string{"a.example.com"}, paths: []string{"/in/*", "/x"}}}},
		{"a route rule that asks for a header", compute.UrlMap{HostRules: hostRules("a.example.com"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: other, RouteRules: []*compute.HttpRouteRule{
				{Service: ours, MatchRules: []*compute.HttpRouteRuleMatch{{PrefixMatch: "/"}}},
			}})}, []route{{hosts: []string{"a.example.com"}}}},
		{"copies of every request", compute.UrlMap{DefaultService: other, DefaultRouteAction: mirrored},
			[]route{{mirror: true}}},
		{"copies by path rule, route rule and default", compute.UrlMap{HostRules: hostRules("a.example.com"),
			PathMatchers: matchers(
				&compute.PathMatcher{DefaultService: other, PathRules: []*compute.PathRule{
					{Paths: []string{"/api"}, Service: other, RouteAction: mirrored}},
					RouteRules: []*compute.HttpRouteRule{{Service: other, RouteAction: mirrored,
						MatchRules: []*compute.HttpRouteRuleMatch{{FullPathMatch: "/x"}}}}},
				&compute.PathMatcher{DefaultService: other, DefaultRouteAction: mirrored})},
			[]route{{hosts: []string{"a.example.com"}, paths: []string{"/api", "/x"}, mirror: true},
				{hosts: []string{"a.example.com"}, mirror: true}}},
		{"a path matcher that no host leads to", compute.UrlMap{DefaultService: other,
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: ours})}, nil},
		{"a host rule without a path matcher", compute.UrlMap{DefaultService: other, HostRules: hostRules("a")}, nil},
		{"a path rule without a path", compute.UrlMap{HostRules: hostRules("a"), PathMatchers: matchers(
			&compute.PathMatcher{DefaultService: other, PathRules: []*compute.PathRule{{Service: ours}}})}, nil},
		{"names that nothing has", compute.UrlMap{DefaultService: "\x00/../..", HostRules: hostRules("", "\x1b[31m"),
			PathMatchers: matchers(&compute.PathMatcher{DefaultService: "urlMaps/itself"}, &compute.PathMatcher{})}, nil},
	} {
		backend, _ := parseLink(ours)
		if diff := cmp.Diff(tc.want, routesTo(&tc.urls, backend), cmp.AllowUnexported(route{})); diff != "" {
			t.Errorf("%s: routes (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestRoutesGrowWithHostsPlusPaths(t *testing.T) {
	const many = 10_000
	urlMap := &compute.UrlMap{PathMatchers: matchers(&compute.PathMatcher{DefaultService: other})}
	for i := range many {
		urlMap.HostRules = append(urlMap.HostRules, hostRules(fmt.Sprintf("h%d.example.com", i))...)
		urlMap.PathMatchers[0].PathRules = append(urlMap.PathMatchers[0].PathRules,
			&compute.PathRule{Paths: []string{fmt.Sprintf("/p%d/*", i)}, Service: ours})
	}
	backend, _ := parseLink(ours)
	var got []route
	made := testing.AllocsPerRun(1, func() { got = routesTo(urlMap, backend) })
	if len(got) != 1 || len(got[0].hosts) != many || len(got[0].paths) != many || made > 20*many {
		t.Errorf("%d routes, %.0f allocations, want one with %d hosts and paths, and at most %d", len(got), made, many, 20*many)
	}
}
