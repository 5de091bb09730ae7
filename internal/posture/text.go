package posture

import (
	"fmt"
	"strings"
	"unicode"
)

// MaxShown bounds text from outside, in runes.
const MaxShown = 200

// Shown makes text that others wrote fit to be printed: one line, cut.
func Shown(text string) string {
	runes := []rune(strings.ToValidUTF8(text, "?"))
	if len(runes) > MaxShown {
		runes = append(runes[:MaxShown], '…')
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(runes))
}

// Quote shows hostile text on one line and never whole when it is long.
func Quote(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%q…", s[:80])
	}
	return fmt.Sprintf("%q", s)
}

// FirstWords are the beginning of a text from outside, fit to be printed.
func FirstWords(text string) string {
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	line = strings.Join(strings.Fields(line), " ")
	if len(line) > 80 {
		line = strings.ToValidUTF8(line[:80], "") + "…"
	}
	return fmt.Sprintf("%q", line)
}
