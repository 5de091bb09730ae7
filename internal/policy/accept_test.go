package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

const accepting = `version: 1
rules:
  - name: shops
    accept:
      - {unread: iap.webTypes.getSettings, owner: team-a, ticket: SEC-1, expires: %s}
      - {unread: projects/other/global/urlMaps, owner: team-a, ticket: SEC-1, expires: 2026-12-01}
`

func TestFactsMayStayUnreadForATime(t *testing.T) {
	parsed, err := Parse([]byte(strings.Replace(accepting, "%s", "2027-01-31", 1)), now)
	if err != nil {
		t.Fatal(err)
	}
	settings := parsed.Rules()[0]
	permission := posture.Unread{Resource: "r", Permission: "iap.webTypes.getSettings"}
	resource := posture.Unread{Resource: "projects/other/global/urlMaps"}
	for _, tc := range []struct {
		name string
		fact posture.Unread
		at   time.Time
		want bool
	}{
		{"a permission that is missing", permission, now, true},
		{"a resource", resource, now, true},
		{"another one", posture.Unread{Resource: "s"}, now, false},
		{"without a name", posture.Unread{}, now, false},
		{"on the last day", resource, time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC), true},
		{"after it", resource, time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := settings.AcceptsUnread(tc.fact, tc.at); got != tc.want {
				t.Errorf("accepted %t, want %t", got, tc.want)
			}
		})
	}
}

func TestAnAcceptanceEndsWithinAYear(t *testing.T) {
	_, err := Parse([]byte(strings.Replace(accepting, "%s", "2036-01-31", 1)), now)
	if err == nil || !strings.Contains(err.Error(), "accept.expires is 2036-01-31: write a day until 20") {
		t.Errorf("error %v, want one that names a day", err)
	}
}
