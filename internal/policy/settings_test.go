package policy

import (
	"testing"
	"time"
)

func TestLastDayIsTheDayThatThePolicyNames(t *testing.T) {
	for _, tc := range []struct{ expires, want string }{
		{"2027-04-01T00:00:00Z", "2027-03-31"}, // expires: 2027-03-31
		{"2027-03-31T18:00:00Z", "2027-03-31"},
	} {
		at, err := time.Parse(time.RFC3339, tc.expires)
		if err != nil {
			t.Fatal(err)
		}
		if got := LastDay(at); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.expires, got, tc.want)
		}
	}
}
