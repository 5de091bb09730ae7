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
var unplain = regexp.MustCompile(`(?i)\b(whoever|whom|whomever|of which|told|tells?|telling|mended|in vain)\b`)

// negated finds "is no X", which "is not a X" says more plainly. "There is no X" and
// "is no longer X" are plain.
var (
	negated      = regexp.MustCompile(`(?i)\b(is|are|was|were) no [a-z]+`)
	plainNegated = regexp.MustCompile(`(?i)\bthere (is|are|was|were) no [a-z]+|\b(is|are|was|were) no (longer|more)\b`)
)

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
				if word := unplainIn(comment.Text); word != "" {
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

// unplainIn returns the first word of a text that has a plainer one, "" for none.
func unplainIn(text string) string {
	if word := unplain.FindString(text); word != "" {
		return word
	}
	return negated.FindString(plainNegated.ReplaceAllString(text, ""))
}

func TestUnplainWordsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"the member whom it names":  "whom",
		"a status that is no error": "is no error",
		"there is no error":         "",
		"the name is no longer set": "",
		"a told-you-so":             "told",
		"untold":                    "",
	} {
		if got := unplainIn(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
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
		for _, name := range testNames(s.file) {
			if length := utf8.RuneCountInString(name); length > maxTestName {
				t.Errorf("%s: %s has %d characters, want at most %d", s.path, name, length, maxTestName)
			}
		}
	}
}

// testNames are the names of a file's tests, and of subtests that are literals.
func testNames(file *ast.File) []string {
	var names []string
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			if node.Recv == nil && strings.HasPrefix(node.Name.Name, "Test") {
				names = append(names, node.Name.Name)
			}
		case *ast.CallExpr:
			called, ok := node.Fun.(*ast.SelectorExpr)
			if !ok || called.Sel.Name != "Run" || len(node.Args) != 2 {
				break
			}
			if literal, ok := node.Args[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				names = append(names, strings.Trim(literal.Value, "\"`"))
			}
		}
		return true
	})
	return names
}
