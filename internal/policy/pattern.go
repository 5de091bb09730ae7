package policy

import (
	"path"
	"regexp"
	"strings"
)

// pattern is an exact name or an anchored glob in which * stands for any run
// of characters: "prod-*" matches "prod-a" and never "nonprod-a".
type pattern string

var patternText = regexp.MustCompile(`^[a-z0-9*.:-]{1,100}$`)

func (p pattern) matches(name string) bool {
	if p.exact() {
		return string(p) == name
	}
	// path.Match anchors both ends. Names hold no slash, and no pattern that
	// patternText accepts is malformed.
	ok, err := path.Match(string(p), name)
	return ok && err == nil
}

// exact reports whether p is a name and no glob.
func (p pattern) exact() bool { return !strings.Contains(string(p), "*") }

// glob reports whether p may match more than one name.
func (p pattern) glob() bool { return !p.exact() }

// everything reports whether p matches every name.
func (p pattern) everything() bool { return p != "" && strings.Trim(string(p), "*") == "" }

// includes reports whether p provably matches everything that q matches. Only a *
// of p can match the * in q, so it is enough to match q's text.
func (p pattern) includes(q pattern) bool { return p.matches(string(q)) }

// meets reports whether some name matches both.
func (p pattern) meets(q pattern) bool {
	// below[j] reports whether some text matches both p from the next row on and
	// q[j:].
	below := make([]bool, len(q)+1)
	for i := len(p); i >= 0; i-- {
		row := make([]bool, len(q)+1)
		for j := len(q); j >= 0; j-- {
			switch {
			case i == len(p) && j == len(q):
				row[j] = true
			case i < len(p) && p[i] == '*':
				row[j] = below[j] || j < len(q) && row[j+1]
			case j < len(q) && q[j] == '*':
				row[j] = row[j+1] || i < len(p) && below[j]
			default:
				row[j] = i < len(p) && j < len(q) && p[i] == q[j] && below[j+1]
			}
		}
		below = row
	}
	return below[0]
}
