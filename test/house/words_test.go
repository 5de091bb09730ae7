package house

import (
	"go/ast"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"go/parser"
	"go/token"
)

// unplain are words that no comment uses: each has a plainer one.
var unplain = regexp.MustCompile(`(?i)\b(whoever|whom|of which|told|tells|in vain)\b`)

func TestCommentsUsePlainWords(t *testing.T) {
	err := walk(filepath.Join("..", ".."), func(path string, text []byte) error {
		if path == "test/house/words_test.go" { // the words are here
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if word := unplain.FindString(comment.Text); word != "" {
					t.Errorf("%s:%d: a comment says %q", path, files.Position(comment.Pos()).Line, word)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// maxTestName is how long the name of a test may be: what it says in detail
// belongs to its subtests.
const maxTestName = 60

func TestNamesOfTestsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, declaration := range s.file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv != nil || !strings.HasPrefix(function.Name.Name, "Test") {
				continue
			}
			if length := utf8.RuneCountInString(function.Name.Name); length > maxTestName {
				t.Errorf("%s: %s has %d characters, want at most %d", s.path, function.Name.Name, length, maxTestName)
			}
		}
	}
}
