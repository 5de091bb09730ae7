package event

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text from outside is cut at these lengths, in bytes.
const (
	maxText       = 500
	maxIdentifier = 300
	maxShown      = 80
)

// clean makes text from outside safe to keep and to show: valid UTF-8, without
// control characters, of at most max bytes.
func clean(s string, max int) string {
	if len(s) <= max && isPlain(s) {
		return s
	}
	if len(s) > max {
		for max > 0 && !utf8.RuneStart(s[max]) {
			max--
		}
		s = s[:max] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return quote(s)
}

// quote is text from outside, cut, on one line.
func quote(s string) string { return strconv.Quote(clean(s, maxShown)) }
