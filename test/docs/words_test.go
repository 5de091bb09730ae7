package docs

import (
	"regexp"
	"testing"
)

// unplain are words and turns that first readers stumble over. test/house has the list for comments.
var unplain = regexp.MustCompile(`(?i)\b(whoever|whom|whomever|of which|told|tells?|telling|mended|in vain|` +
	`so as to|thereof|therein|wherein|whereby|hereby|of (ours|yours|theirs) alone)\b`)

// The pages for newcomers and operators: README.md, those of deploy/docs and of .github.
func TestPagesUsePlainWords(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, each := range all {
		if !regexp.MustCompile(`^(README\.md|deploy/(docs/.*|README\.md)|\.github/)`).MatchString(each.path) {
			continue
		}
		seen++
		for _, line := range each.prose() {
			if word := unplain.FindString(code.ReplaceAllString(line, "code")); word != "" {
				t.Errorf("%s says %q: %s", each.path, word, line)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d pages were read", seen)
	}
}
