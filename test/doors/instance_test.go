package doors

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
)

func TestAnInstanceHasADoorOfItsOwn(t *testing.T) {
	const (
		instances = "/v2/projects/" + playground.Project + "/locations/us-central1/instances"
		one       = instances + "/box"
		host      = "box-123456789012.us-central1.run.app"
	)
	patch := func(field string, value any) func(*fixture) {
		return func(o *fixture) { o.call("PATCH", one+"?updateMask="+field, map[string]any{field: value}) }
	}
	grant := func(role string, members ...any) func(*fixture) {
		return func(o *fixture) { o.setPolicy(one, role, members) }
	}
	region := func(o *fixture) {
		o.setPolicy("/v1/"+web+"/cloud_run-us-central1", "roles/iap.httpsResourceAccessor", []any{alice})
	}
	visits := func(who string) visit { return visit{host: host, who: who} }
	for _, tc := range []struct {
		name    string
		setup   []func(*fixture)
		callers []caller
	}{
		{"nobody invokes it at first", nil, []caller{{visits(""), "403 by Cloud Run"}}},
		{"everybody may invoke it", all(grant("roles/run.invoker", "allUsers")), []caller{{visits(""), inside}}},
		{"the role must have its permission", all(grant("roles/run.servicesInvoker", "allUsers")),
			[]caller{{visits(""), "403 by Cloud Run"}}},
		{"nobody checks invokers", all(patch("invokerIamDisabled", true)), []caller{{visits(""), inside}}},
		{"its ingress", all(grant("roles/run.invoker", "allUsers"), patch("ingress", "INGRESS_TRAFFIC_INTERNAL_ONLY")),
			[]caller{{visits(""), "404 by ingress"}}},
		{"its default URL is off", all(grant("roles/run.invoker", "allUsers"), patch("defaultUriDisabled", true)),
			[]caller{{visits(""), "404 by ingress"}}},
		{"IAP goes by the region", all(provision, grant("roles/run.invoker", agent), patch("iapEnabled", true), region),
			[]caller{{visits(""), signIn}, {visits(bob), denied}, {visits(alice), inside}}},
		{"it is deleted", all(grant("roles/run.invoker", "allUsers"), func(o *fixture) { o.call("DELETE", one, nil) }),
			[]caller{{visits(""), "404 by ingress"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			o.call("POST", instances+"?instanceId=box", map[string]any{"containers": []any{map[string]any{"image": playground.Image}}})
			for _, do := range tc.setup {
				do(o)
			}
			for _, c := range tc.callers {
				if diff := cmp.Diff(c.want, o.outcome(c.visit)); diff != "" {
					t.Errorf("%+v (-want +got):\n%s", c.visit, diff)
				}
			}
		})
	}
}
