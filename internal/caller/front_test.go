package caller

import (
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

const hosted = "https://fh-0d492fa2b30328db---hello-abc-uc.a.run.app"

func TestWhatIsInFrontIsJudgedByWhatItCanBring(t *testing.T) {
	hosting := Caller{Kind: FirebaseHosting, Name: "rewrite to tag fh-0d492fa2b30328db", Address: hosted, Requests: 7}
	gateway := Caller{Kind: APIGateway, Name: "projects/1/locations/global/apis/shop",
		Address: "https://hello-abc-uc.a.run.app", Requests: 3}
	behind := gateway
	behind.Address = "https://hello.example.com"
	alone := func(p *posture.Posture, _ *policy.Wanted) { p.Invokers.Bindings[0].Members = []string{"allUsers"} }
	for _, tc := range []struct {
		name        string
		caller      Caller
		change      func(*posture.Posture, *policy.Wanted)
		changes     []ChangeTo
		want        Impact
		why, remedy []string // parts
	}{
		{"Hosting breaks by each step", hosting, nil, wholeRecipe, Breaks,
			[]string{"closed", "; then Firebase Hosting brings no token"}, []string{"firebase.json", "https://hello.example.com"}},
		{"Hosting, and IAP at the load balancer alone", hosting, nil, []ChangeTo{iapChange}, StaysIn, nil, nil},
		{"Hosting, and IAP at the service", hosting, nil, []ChangeTo{directChange}, Breaks, []string{"sign in"}, nil},
		{"a gateway breaks by the ingress", gateway, nil, wholeRecipe, Breaks, []string{"API Gateway calls from outside"},
			[]string{"jwt_audience", "https://hello.example.com", "access.members"}},
		{"a gateway, and a service account that may invoke", gateway, nil, []ChangeTo{invokerChange}, Uncertain,
			[]string{"not known"}, []string{"run.invoker"}},
		{"a gateway, and none that may", gateway, alone, []ChangeTo{invokerChange}, Breaks, []string{"no service account"},
			[]string{"run.invoker"}},
		{"a gateway, and IAP at the service", gateway, nil, []ChangeTo{directChange}, Breaks, []string{"OAuth client"},
			[]string{"a service of its own"}},
		{"a gateway at the load balancer", behind, nil, []ChangeTo{iapChange}, Breaks, []string{"OAuth client"}, nil},
		{"a gateway at the load balancer without IAP", behind, nil, []ChangeTo{ingressChange}, StaysIn, nil, nil},
	} {
		p, w, _ := calling()
		p.Service.TagURLs = []string{hosted}
		p.Backends[0].Frontends[0].HTTPS = true
		if tc.change != nil {
			tc.change(&p, &w)
		}
		judged := Judge(p, w, []Caller{tc.caller}, tc.changes)
		if len(judged) != 1 || judged[0].Impact != tc.want {
			t.Errorf("%s: %+v, want %s", tc.name, judged, tc.want)
			continue
		}
		for _, part := range tc.why {
			if !strings.Contains(judged[0].Why, part) {
				t.Errorf("%s: why %q lacks %q", tc.name, judged[0].Why, part)
			}
		}
		for _, part := range tc.remedy {
			if !strings.Contains(judged[0].Remedy, part) {
				t.Errorf("%s: remedy %q lacks %q", tc.name, judged[0].Remedy, part)
			}
		}
	}
}

func TestARewriteOfHostingIsKnownByItsTag(t *testing.T) {
	for address, want := range map[string]string{
		hosted:                                     "fh-0d492fa2b30328db",
		"https://blue---hello-abc-uc.a.run.app":    "",
		"https://hello-abc-uc.a.run.app":           "",
		"https://fh-hello-abc-uc.a.run.app":        "",
		"https://fh-1---hello-abc-uc.a.run.app.io": "",
	} {
		if tag, ok := HostingTag(address); ok != (want != "") || ok && tag != want {
			t.Errorf("%s: %q, %v, want %q", address, tag, ok, want)
		}
	}
}
