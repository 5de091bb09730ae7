package event

import (
	"strings"
	"testing"
)

func TestAnOutlineShowsNoValues(t *testing.T) {
	const keys = "and without its values it begins with "
	for _, tc := range []struct{ name, message, want string }{
		{"nothing", " \n", "the message is empty"},
		{"plain text", "password hunter2", `the message has 16 bytes, and begins with "password"`},
		{"gzip", "\x1f\x8b\x08\x00", `the message has 4 bytes, and begins with "\x1f\x8b\b\x00"`},
		{"an entry that was cut short", `{"protoPayload": {"env": [{"name": "PASSWORD", "value": "hunter2`,
			`the message has 64 bytes, ` + keys + `{"protoPayload":{"env":[{"name":…,"value":…`},
		{"numbers and words", `[1234, true, hunter2]`, `the message has 21 bytes, ` + keys + `[…,…,…]`},
		{"quotes in a value", `{"a":"x\"hunter2\"","b":1}`, "the message has 26 bytes, " + keys + `{"a":…,"b":…}`},
		{"a value without its end", `{"a":"hunter2\`, "the message has 14 bytes, " + keys + `{"a":…`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Outline([]byte(tc.message)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	if got := Outline([]byte("{" + strings.Repeat(`"key":1,`, 1000))); len(got) > 400 {
		t.Errorf("%d bytes, want a few: %s", len(got), got)
	}
}
