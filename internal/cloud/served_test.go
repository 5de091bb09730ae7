package cloud

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

// ledTo is a service that was created at noon, behind these frontends.
func ledTo(frontends ...posture.Frontend) posture.Posture {
	p := openService
	p.Service.CreatedAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	p.Backends = []posture.Backend{{Name: "hello-backend", Frontends: frontends}}
	return p
}

func TestHostsAndPathsOfLoadBalancersAreSearchedFor(t *testing.T) {
	many := make([]string, mostHosts+1)
	for _, tc := range []struct {
		name      string
		p         posture.Posture
		want      []string
		notKnown  string
		unreadAll string
	}{
		{"no load balancer", openService, nil, "", ""},
		{"hosts and paths", ledTo(posture.Frontend{Hosts: []string{"B.example.com", "a.example.com"}, Paths: []string{"/x/*", "/y"}}),
			[]string{"a.example.com/x/", "a.example.com/y", "b.example.com/x/", "b.example.com/y"}, "", ""},
		{"any host, and a certificate that names it",
			ledTo(posture.Frontend{Address: "203.0.113.7", Names: []string{"a.example.com"}}),
			[]string{"203.0.113.7/", "a.example.com/"}, "", ""},
		{"any host, and no certificate that names it", ledTo(posture.Frontend{Resource: "r", Address: "203.0.113.7"}), nil,
			"the hosts of r", ""},
		{"any host, and certificates that name more",
			ledTo(posture.Frontend{Resource: "r", Names: []string{"a.example.com"}, MoreNames: 1}), nil, "the hosts of r", ""},
		{"any host by a rule", ledTo(posture.Frontend{Resource: "r", Hosts: []string{"*"}}), nil, "the hosts of r", ""},
		{"a frontend that cannot be read", ledTo(posture.Frontend{Resource: "r", Hosts: []string{"a"}, Unread: "forbidden"}), nil,
			"the hosts of r", ""},
		{"more hosts than a filter takes", ledTo(posture.Frontend{Hosts: many}), nil, "more than", ""},
		{"load balancers that cannot be read", openService, nil, "not all known", "forbidden"},
	} {
		tc.p.BackendsUnread = tc.unreadAll
		got, err := balanced(tc.p)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if (err != nil) != (tc.notKnown != "") || err != nil && !strings.Contains(err.Error(), tc.notKnown) {
			t.Errorf("%s: %v, want it to say %q", tc.name, err, tc.notKnown)
		}
	}
}

func TestASuccessFromBeforeTheCreationIsFound(t *testing.T) {
	host := posture.Frontend{Hosts: []string{"a.example.com"}}
	for _, tc := range []struct {
		name, answer string
		want, fails  bool
	}{
		{"no entry", `{}`, false, false},
		{"an entry", entries, true, false},
		{"a search that is not at its end", `{"nextPageToken": "more"}`, true, false},
		{"no permission", `403 {"error": {"code": 403, "message": "denied"}}`, false, true},
	} {
		got, err := answering(t, map[string]string{"/v2/entries:list": tc.answer}).Served(t.Context(), ledTo(host))
		if got != tc.want || (err != nil) != tc.fails {
			t.Errorf("%s: %v, %v; want %v", tc.name, got, err, tc.want)
		}
	}
}
