package policy

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// pattern is an exact name or an anchored glob in which * stands for any run
// of characters: "prod-*" matches "prod-a" and never "nonprod-a".
type pattern string

var patternText = regexp.MustCompile(`^[a-z0-9*.:-]{1,100}$`)

func parsePattern(text string) (pattern, error) {
	if !patternText.MatchString(text) {
		return "", fmt.Errorf("%q is no name or pattern: use lower-case letters, digits, hyphens and *", text)
	}
	return pattern(text), nil
}

func (p pattern) matches(name string) bool {
	if !strings.Contains(string(p), "*") {
		return string(p) == name
	}
	// path.Match anchors both ends, and names hold no slash; the pattern's
	// alphabet leaves nothing that it could refuse.
	ok, err := path.Match(string(p), name)
	return ok && err == nil
}
