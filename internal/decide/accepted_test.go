package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestOnlyWhatAnAcceptedFactHidesIsAccepted(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	settings := policy.Settings{Accept: []policy.Acceptance{{Unread: "iap.web.getSettings", Expires: at.Add(time.Hour)}}}
	unread := []posture.Unread{{Resource: "r", Why: "settings denied", Permission: "iap.web.getSettings"},
		{Resource: "s", Why: "mappings denied", Permission: "run.domainmappings.list"}}
	hidden := door.Door{Guard: door.GuardUnknown, Why: "who gets in is not known: settings denied"}
	for _, tc := range []struct {
		name  string
		doors []door.Door
		want  bool
	}{
		{"no door", nil, false},
		{"nothing is unknown", []door.Door{{Guard: door.GuardIAP}}, false},
		{"by the fact alone", []door.Door{hidden, {Guard: door.GuardIAP}}, true},
		{"by another fact too", []door.Door{hidden, {Guard: door.GuardUnknown, Why: "mappings denied"}}, false},
		{"by no fact", []door.Door{hidden, {Guard: door.GuardUnknown, Why: "a load balancer for Cloud Functions"}}, false},
		{"beside an open door", []door.Door{hidden, {Guard: door.GuardOpen}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Accepted(tc.doors, unread, settings, at); got != tc.want {
				t.Errorf("accepted %t, want %t", got, tc.want)
			}
		})
	}
}
