package loadbalancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestAMaskTakesTheRequestsThatNameTheService(t *testing.T) {
	any := []route{{}}
	hosts := []route{{hosts: []string{"*.example.com", "a.example.org"}}}
	paths := func(of ...string) []route { return []route{{hosts: []string{"a"}, paths: of}} }
	for _, tc := range []struct {
		name, mask string
		routes     []route
		want       []route
	}{
		{"the path, of any URL", "/<service>", any, []route{{paths: []string{"/shop", "/shop/*"}}}},
		{"host and path, of any URL", "Example.com/<service>", any,
			[]route{{hosts: []string{"example.com"}, paths: []string{"/shop", "/shop/*"}}}},
		{"the host, of any URL", "<service>.example.com", any, []route{{hosts: []string{"shop.example.com"}}}},
		{"the host, of a pattern", "<service>.Example.com", hosts, []route{{hosts: []string{"shop.example.com"}}}},
		{"the host, of a name", "<service>.example.com", []route{{hosts: []string{"Shop.Example.com"}}},
			[]route{{hosts: []string{"shop.example.com"}}}},
		{"the host, of others", "<service>.example.net", hosts, nil},
		{"a host with a tag", "<tag>.example.net/<service>", hosts,
			[]route{{hosts: []string{"*.example.com", "a.example.org"}, paths: []string{"/shop", "/shop/*"}}}},
		{"a path with a tag", "/<service>/<tag>", any, []route{{paths: []string{"/shop/*"}}}},
		{"a path with a tag first", "/<tag>/<service>", any, []route{{paths: []string{"/*"}}}},
		{"paths that hold it", "/<service>", paths("/sh*"), paths("/shop", "/shop/*")},
		{"a path that is it", "/<service>", paths("/shop"), paths("/shop")},
		{"paths below it", "/<service>", paths("/shop/a*", "/shop/b"), paths("/shop/a*", "/shop/b")},
		{"all paths below it", "/<service>", paths("/shop/*"), paths("/shop/*")},
		{"upper case", "/<service>", paths("/SHOP/*"), paths("/shop/*")},
		{"a path that begins like it", "/<service>", paths("/shopping", "/shopping/*"), nil},
		{"other paths", "/<service>", paths("/cart/*"), nil},
		{"an open path, and paths that hold it", "/<service>/<tag>", paths("/*"), paths("/shop/*")},
		{"an open path, and paths below it", "/<service>/<tag>", paths("/shop/x", "/shop", "/cart"), paths("/shop/x")},
		{"a slash behind it", "/<service>/", paths("/shop/*"), paths("/shop/*")},
		{"copies, of any URL", "example.com/<service>", []route{{mirror: true}},
			[]route{{mirror: true, paths: []string{"/shop", "/shop/*"}}}},
		{"copies, of other paths", "example.com/<service>", []route{{mirror: true, paths: []string{"/cart"}}}, nil},
	} {
		got := selected(tc.routes, []selection{selectionOf(tc.mask, "shop")})
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(route{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAMaskDoesNotNarrowWhatAURLMapRewrites(t *testing.T) {
	action := &compute.HttpRouteAction{UrlRewrite: &compute.UrlRewrite{PathPrefixRewrite: "/"}}
	shared := &compute.HttpRouteAction{WeightedBackendServices: []*compute.WeightedBackendService{{}, {}}}
	with := func(matcher *compute.PathMatcher) *compute.UrlMap {
		return &compute.UrlMap{PathMatchers: matchers(matcher)}
	}
	for name, urlMap := range map[string]*compute.UrlMap{
		"by default":              {DefaultRouteAction: action},
		"by weights":              {DefaultRouteAction: shared},
		"by default of a matcher": with(&compute.PathMatcher{DefaultRouteAction: action}),
		"by a path rule":          with(&compute.PathMatcher{PathRules: []*compute.PathRule{{RouteAction: action}}}),
		"by a route rule":         with(&compute.PathMatcher{RouteRules: []*compute.HttpRouteRule{{RouteAction: action}}}),
	} {
		if !rewrites(urlMap) {
			t.Errorf("%s: not noticed", name)
		}
	}
	if rewrites(with(&compute.PathMatcher{DefaultService: ours})) {
		t.Error("a URL map without rewrites rewrites")
	}
}

func TestANeighbourCountsWhereARequestCanSelectIt(t *testing.T) {
	const group = "projects/demo-project/regions/us-central1/networkEndpointGroups/all"
	neg, _ := parseLink(group)
	target := func(service string) posture.Target {
		return posture.Target{Project: "demo-project", Location: "us-central1", Service: service}
	}
	const service, other = "projects/demo-project/global/backendServices/b", "projects/demo-project/global/backendServices/other"
	backend, _ := parseLink(service)
	front := link{"demo-project", posture.Global, "targetHttpsProxies", "x"}
	leading := func(action *compute.HttpRouteAction, hosts, paths []string) *compute.UrlMap {
		made := &compute.UrlMap{SelfLink: "projects/demo-project/global/urlMaps/m", DefaultService: other}
		made.HostRules = []*compute.HostRule{{Hosts: hosts, PathMatcher: "m"}}
		made.PathMatchers = matchers(&compute.PathMatcher{Name: "m", DefaultService: made.DefaultService,
			PathRules: []*compute.PathRule{{Paths: paths, Service: service, RouteAction: action}}})
		return made
	}
	any := []string{"*"}
	for _, tc := range []struct {
		name, mask string
		urlMap     *compute.UrlMap
		want       bool
	}{
		{"another host", "<service>.example.com", leading(nil, []string{"shop.example.com"}, []string{"/*"}), false},
		{"its host", "<service>.example.com", leading(nil, []string{"legacy.example.com"}, []string{"/*"}), true},
		{"a pattern of its host", "<service>.example.com", leading(nil, []string{"*.example.com"}, []string{"/*"}), true},
		{"another path", "/<service>", leading(nil, any, []string{"/shop/*"}), false},
		{"its path", "/<service>", leading(nil, any, []string{"/legacy/*"}), true},
		{"all paths", "/<service>", leading(nil, any, []string{"/*"}), true},
		{"another path, and the map rewrites it", "/<service>",
			leading(&compute.HttpRouteAction{UrlRewrite: &compute.UrlRewrite{}}, any, []string{"/shop/*"}), true},
		{"no mask", "", leading(nil, []string{"shop.example.com"}, []string{"/shop"}), true},
	} {
		l, _ := parseLink(tc.urlMap.SelfLink)
		inv := &Inventory{
			services: map[link][]posture.Target{neg: {target("shop"), target("legacy")}}, masks: map[link]string{neg: tc.mask},
			routing: map[string]*routing{"demo-project": {
				routes: []*compute.UrlMap{tc.urlMap}, proxies: map[link][]proxy{l: {{link: front}}}}},
		}
		inv.routing["demo-project"].users = inv.routing["demo-project"].usersOf()
		from := &compute.BackendService{Backends: []*compute.Backend{{Group: group}}}
		if got := inv.selectable(backend, from)(target("legacy")); got != tc.want {
			t.Errorf("%s: %t, want %t", tc.name, got, tc.want)
		}
		inv.unrouted = "denied"
		if !inv.selectable(backend, from)(target("legacy")) {
			t.Errorf("%s: what leads there is not known, and it does not count", tc.name)
		}
	}
}
