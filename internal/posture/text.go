package posture

import (
	"strings"

	"github.com/iapguard/iapguard/internal/safetext"
)

// MaxShown bounds text from outside, in runes.
const MaxShown = 200

// maxQuoted bounds text from outside that is quoted within a sentence, in runes.
const maxQuoted = 80

// Shown makes text that others wrote fit to be printed: one line, cut.
func Shown(text string) string { return safetext.Escape(text, MaxShown) }

// Quote shows hostile text on one line and never whole when it is long.
func Quote(s string) string { return `"` + safetext.Escape(s, maxQuoted) + `"` }

// FirstWords are the beginning of a text from outside, fit to be printed.
func FirstWords(text string) string { return Quote(strings.Join(strings.Fields(text), " ")) }
