// Package safetext makes text that others wrote safe to show: hosts, paths and labels,
// user agents, messages of an API, answers of an application. Their authors may
// want to end a line, to move the cursor of a terminal, or to reverse what a person reads.
package safetext

import (
	"strconv"
	"unicode/utf8"
)

// Escape returns text on one line of at most so many runes, and at least one. What is not
// printable is written as in a Go string: line breaks and other control characters,
// invalid UTF-8, and the format characters of Unicode, which change the direction of a
// text or have no width. A text that was cut ends with an ellipsis. To escape a text twice
// changes nothing.
func Escape(text string, most int) string {
	most = max(1, most)
	if len(text) <= most && isPrintableASCII(text) {
		return text
	}
	shown, runes, whole := []byte(nil), 0, 0 // whole is the part that leaves room for an ellipsis
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		each := text[at : at+size]
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(each)
			each = quoted[1 : len(quoted)-1]
		}
		if runes += utf8.RuneCountInString(each); runes > most {
			return string(shown[:whole]) + "…"
		}
		if shown = append(shown, each...); runes < most {
			whole = len(shown)
		}
		at += size
	}
	return string(shown)
}

func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
