package stuck

import (
	"testing"
	"time"
)

func TestAWindowIsATimeOfTheWeek(t *testing.T) {
	weekend := Window{Days: []time.Weekday{time.Sunday, time.Saturday}, From: 22 * time.Hour, To: 2 * time.Hour}
	night := Window{From: 2 * time.Hour, To: 4*time.Hour + 30*time.Minute}
	for _, tc := range []struct {
		name     string
		window   Window
		at, want string
	}{
		{"any time", Window{}, "2026-12-01T12:00:07Z", "2026-12-01T12:00:07Z"},
		{"every day, before", night, "2026-12-01T01:59:59Z", "2026-12-01T02:00:00Z"},
		{"every day, within", night, "2026-12-01T02:00:01Z", "2026-12-01T02:00:01Z"},
		{"every day, at the end", night, "2026-12-01T04:30:00Z", "2026-12-02T02:00:00Z"},
		{"in another zone", night, "2026-12-01T04:00:00+02:00", "2026-12-01T02:00:00Z"},
		{"a Tuesday", weekend, "2026-12-01T12:00:00Z", "2026-12-05T22:00:00Z"},
		{"the night that began on Saturday", weekend, "2026-12-06T01:00:00Z", "2026-12-06T01:00:00Z"},
		{"the night that began on Sunday", weekend, "2026-12-07T01:00:00Z", "2026-12-07T01:00:00Z"},
		{"the end of that", weekend, "2026-12-07T02:00:00Z", "2026-12-12T22:00:00Z"},
		{"the night that began on Friday", weekend, "2026-12-05T01:00:00Z", "2026-12-05T22:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tc.window.Next(at).UTC().Format(time.RFC3339); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestAWindowIsSaidInWords(t *testing.T) {
	for want, window := range map[string]Window{
		"on mon, tue from 02:00 to 06:30 UTC": {[]time.Weekday{time.Monday, time.Tuesday}, 2 * time.Hour, 390 * time.Minute},
		"every day from 22:00 to 02:00 UTC":   {nil, 22 * time.Hour, 2 * time.Hour},
	} {
		if got := window.Describe(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
