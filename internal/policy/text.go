package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxText bounds a policy: the YAML library's cost grows with the square of
	// some texts' length. A secret, from which a policy is usually mounted, holds
	// 64 KiB at most. Source: secret-manager/quotas.
	maxText = 256 << 10
	// maxDepth bounds nesting on one line, which the library follows by
	// recursion. No policy needs half of it.
	maxDepth = 16
)

// reader reads a YAML text strictly, and keeps everything that is wrong.
type reader struct{ problems []error }

// document gives the one value that a text holds, nil when it holds none.
func (r *reader) document(text []byte) (body ast.Node, err error) {
	defer func() { // the library has panicked on malformed texts before
		if broken := recover(); broken != nil {
			err = fmt.Errorf("this is no YAML: %v", broken)
		}
	}()
	if len(text) > maxText {
		return nil, fmt.Errorf("the text has %d bytes: write at most %d", len(text), maxText)
	}
	if err := plain(string(text)); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, yamlProblem(err)
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		if body != nil {
			return nil, placed(document.Body, "a second document: write everything into one")
		}
		body = document.Body
	}
	return body, nil
}

// plain refuses what no policy needs and what would let it say something else
// than it seems to say: anchors, aliases, merge keys, tags, and deep nesting. A
// secret in clear is refused before anything can repeat it.
func plain(text string) error {
	depth, entries, line := 0, 0, 0
	for _, t := range lexer.Tokenize(text) {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return at(t, fmt.Sprintf("%q begins an anchor, alias, merge or tag, which are not read: write the value out", t.Value))
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if depth > maxDepth || entries > maxDepth {
			return at(t, fmt.Sprintf("nested more than %d deep", maxDepth))
		}
		if strings.Contains(t.Value, clearSecret) {
			return at(t, "an OAuth client secret in clear: replace the secret, it is known now, and write none into the policy")
		}
	}
	return nil
}

// clearSecret begins every OAuth client secret that Google gives out.
// *Unverified*: seen in every recent one, documented nowhere.
const clearSecret = "GOCSPX-"

// yamlProblem keeps position and cause and drops the excerpt of the source that
// the library adds.
func yamlProblem(err error) error {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		return at(syntax.GetToken(), strings.TrimSpace(syntax.GetMessage())+": this is no valid YAML")
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(first)
}

func at(t *token.Token, what string) error {
	return fmt.Errorf("line %d, column %d: %s", t.Position.Line, t.Position.Column, what)
}

// placed names the place where a value begins.
func placed(n ast.Node, what string) error {
	if m, ok := n.(ast.MapNode); ok && n.GetToken().Value != "{" {
		if pairs := m.MapRange(); pairs.Next() {
			return at(pairs.Key().GetToken(), what)
		}
	}
	return at(n.GetToken(), what)
}

func (r *reader) complain(n ast.Node, format string, args ...any) {
	r.problems = append(r.problems, placed(n, fmt.Sprintf(format, args...)))
}

// renamedKeys are the keys that earlier versions read, each with its name today.
var renamedKeys = map[string]string{"brakes": "limits"}

// keys are the keys that a mapping may have, each with what reads its value.
type keys map[string]func(ast.Node)

// mapping reads a mapping; needed are the keys that it must have.
func (r *reader) mapping(n ast.Node, what string, known keys, needed ...string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.complain(n, "%s must be a mapping: write keys and values", what)
		return
	}
	found := map[string]bool{}
	for pairs := m.MapRange(); pairs.Next(); {
		key := pairs.Key().GetToken().Value
		read, ok := known[key]
		found[key] = true
		switch renamed := renamedKeys[key]; {
		case !ok && known[renamed] != nil:
			r.complain(pairs.Key(), "%s is now called %s: write %s, with the same value", key, renamed, renamed)
		case !ok:
			r.complain(pairs.Key(), "unknown key %.60q: %s", key, suggestion(key, slices.Sorted(maps.Keys(known))))
		case pairs.Value().Type() == ast.NullType:
			r.complain(pairs.Key(), "%s has no value: write one, or leave the key out", key)
		default:
			read(pairs.Value())
		}
	}
	for _, key := range needed {
		if !found[key] {
			r.complain(n, "%s has no %s: write %s: and its value", what, key, key)
		}
	}
}

// list reads each entry of a sequence that has some.
func (r *reader) list(what string, each func(ast.Node)) func(ast.Node) {
	read := r.entries(what, each)
	return func(n ast.Node) {
		if sequence, ok := n.(*ast.SequenceNode); ok && len(sequence.Values) == 0 {
			r.complain(n, "%s is empty: write an entry, or leave the key out", what)
		}
		read(n)
	}
}

// entries reads each entry of a sequence.
func (r *reader) entries(what string, each func(ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		sequence, ok := n.(*ast.SequenceNode)
		if !ok {
			r.complain(n, "%s must be a list: write [a, b] or one - a line", what)
			return
		}
		for _, entry := range sequence.Values {
			each(entry)
		}
	}
}

// text reads a string; what else looks like one, a number say, must be quoted.
func (r *reader) text(what string, into *string) func(ast.Node) {
	return func(n ast.Node) {
		value, ok := stringOf(n)
		switch {
		case !ok:
			r.complain(n, "%s must be text: write it in quotes", what)
		case strings.TrimSpace(value) == "" || len(value) > maxWords || strings.ContainsFunc(value, unprintable):
			r.complain(n, "%s is %.60q: write 1 to %d characters on one line", what, value, maxWords)
		default:
			*into = value
		}
	}
}

// maxWords bounds names, reasons and other words that go into reports.
const maxWords = 256

func unprintable(c rune) bool { return !unicode.IsPrint(c) }

func stringOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// truth reads true or false.
func (r *reader) truth(what string, into *bool) func(ast.Node) {
	return func(n ast.Node) {
		value, ok := n.(*ast.BoolNode)
		if !ok {
			r.complain(n, "%s is %.60q: write true or false", what, n.GetToken().Value)
			return
		}
		*into = value.Value
	}
}

// one reads the version of the text's shape.
func (r *reader) one(n ast.Node) {
	if _, ok := n.(*ast.IntegerNode); !ok || n.GetToken().Value != "1" {
		r.complain(n, "version is %.60q: write version: 1", n.GetToken().Value)
	}
}
