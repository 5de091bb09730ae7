package doors

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/playground"
)

// http2 lets the container take HTTP/2 end to end, and classic makes the load balancer one.
func http2(o *fixture) {
	o.call("PATCH", "/v2/"+o.Name()+"?updateMask=template", map[string]any{"template": map[string]any{"containers": []any{
		map[string]any{"image": playground.Image, "ports": []any{map[string]any{"name": "h2c", "containerPort": 8080}}}}}})
}

func classic(o *fixture) {
	o.call("PATCH", o.backendPath(), map[string]any{"loadBalancingScheme": "EXTERNAL"})
}

func TestHTTP2BehindAClassicLoadBalancerInEitherPosition(t *testing.T) {
	for _, tc := range []struct {
		name  string
		loop  bool
		setup []func(*fixture)
		who   string
		want  int
	}{
		{"by default an accessor passes", false, all(protected, http2, classic), alice, 200},
		{"an accessor is redirected", true, all(protected, http2, classic), alice, 302},
		{"others are refused", true, all(protected, http2, classic), bob, 403},
		{"a service without HTTP/2", true, all(protected, classic), alice, 200},
		{"a load balancer that is not classic", true, all(protected, http2), alice, 200},
		{"without IAP", true, all(http2, classic), "", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{Beliefs: belief.Beliefs{LoopClassicHTTP2: tc.loop}})
			for _, do := range tc.setup {
				do(o)
			}
			got := o.visit(visit{host: o.Host, path: "/a?b=c", who: tc.who})
			if got.status != tc.want {
				t.Errorf("%d %s, want %d", got.status, got.body, tc.want)
			}
			if to := got.header.Get("Location"); tc.want == 302 && to != "https://"+o.Host+"/a?b=c" {
				t.Errorf("redirected to %s, want where the visitor is", to)
			}
		})
	}
}

func TestProxyStatusNamesIAPUnlessItIsHidden(t *testing.T) {
	const lb = "http_external_regional_lb_rule loadbalancing.googleapis.com%2Fexternal_regional_requests "
	for hide, want := range map[bool]string{
		false: lb + `403 WARNING error="http_request_denied"; details="handled_by_identity_aware_proxy"`,
		true:  lb + "403 WARNING",
	} {
		o := build(t, regional, playground.Options{Beliefs: belief.Beliefs{HideProxyStatus: hide}})
		logsOn(o)
		protected(o)
		if diff := cmp.Diff([]string{want}, o.visit(visit{host: o.Host, who: bob}).logs); diff != "" {
			t.Errorf("hidden %t (-want +got):\n%s", hide, diff)
		}
	}
}
