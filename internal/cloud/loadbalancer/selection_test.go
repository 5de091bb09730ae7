package loadbalancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"
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
