package event

import "github.com/iapguard/iapguard/internal/safetext"

// Text from outside is cut at these lengths, in characters.
const (
	maxText       = 500
	maxIdentifier = 300
	maxShown      = 80
)

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return quote(s)
}

// quote is text from outside, cut, on one line.
func quote(s string) string { return `"` + safetext.Escape(s, maxShown) + `"` }
