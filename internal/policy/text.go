package policy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/strictyaml"
)

const (
	// maxText bounds a policy. A secret, from which a policy is usually mounted,
	// holds 64 KiB at most. Source: secret-manager/quotas.
	maxText = 256 << 10
	// maxDepth bounds nesting. No policy needs half of it.
	maxDepth = 16
)

// reader reads a YAML text strictly and collects every problem in it.
type reader struct {
	now      time.Time
	problems []complaint
}

// complaint is a problem of a value.
type complaint struct {
	node *yaml.Node
	text string
}

// document returns the one value in text, nil when text holds none. It refuses a
// secret in clear before anything can repeat it.
func (r *reader) document(text []byte) (*yaml.Node, error) {
	if len(text) > maxText {
		return nil, strictyaml.InText(text, 0, fmt.Sprintf("the text has %d bytes: write at most %d", len(text), maxText))
	}
	if at := bytes.Index(text, []byte(clearSecret)); at >= 0 {
		return nil, strictyaml.InText(text, at, "an OAuth client secret in clear: "+
			"replace the secret, because it is exposed now, and keep secrets out of the policy")
	}
	return strictyaml.Parse(text, maxDepth)
}

// clearSecret begins every OAuth client secret that Google issues. *Unverified*:
// seen in every recent one, documented nowhere.
const clearSecret = "GOCSPX-"

func (r *reader) complain(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, complaint{n, fmt.Sprintf(format, args...)})
}

// refusal returns everything that is wrong below a document's value, in the order of the
// text; nil when nothing is.
func (r *reader) refusal(body *yaml.Node) error {
	if len(r.problems) == 0 {
		return nil
	}
	paths := strictyaml.Paths(body)
	all := make([]*strictyaml.Problem, 0, len(r.problems))
	for _, each := range r.problems {
		problem := strictyaml.At(each.node, each.text)
		problem.Key = paths[each.node]
		all = append(all, problem)
	}
	return strictyaml.Join(all)
}

// renamedKeys are the keys that earlier versions read, each with its name today.
var renamedKeys = map[string]string{"brakes": "limits"}

// keys are the keys that a mapping may have, each with what reads its value.
type keys map[string]func(*yaml.Node)

// mapping reads a mapping; needed are the keys that it must have.
func (r *reader) mapping(n *yaml.Node, what string, known keys, needed ...string) {
	if n.Kind != yaml.MappingNode {
		r.complain(n, "%s must be a mapping: write keys and values", what)
		return
	}
	found := map[string]bool{}
	for at, value := range strictyaml.Pairs(n) {
		key := at.Value
		read, ok := known[key]
		found[key] = true
		switch renamed := renamedKeys[key]; {
		case !ok && known[renamed] != nil:
			r.complain(at, "%s is now called %s: write %s, with the same value", key, renamed, renamed)
		case !ok:
			r.complain(at, "unknown key %.60q: %s", key, suggestion(key, slices.Sorted(maps.Keys(known))))
		case value.Value == strictyaml.Blank:
			r.complain(value, "%s is left to fill in: write it", key)
		case value.Tag == "!!null":
			r.complain(at, "%s has no value: write one, or leave the key out", key)
		default:
			read(value)
		}
	}
	for _, key := range needed {
		if !found[key] {
			r.complain(n, "%s has no %s: write %s: and its value", what, key, key)
		}
	}
}

// suggestion names the known word that resembles a word most, or all known words.
func suggestion(word string, known []string) string {
	if nearest := strictyaml.Nearest(word, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return "write one of " + strings.Join(known, ", ")
}

// list reads each entry of a sequence that has some.
func (r *reader) list(what string, each func(*yaml.Node)) func(*yaml.Node) {
	read := r.entries(what, each)
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			r.complain(n, "%s is empty: write an entry, or leave the key out", what)
		}
		read(n)
	}
}

// entries reads each entry of a sequence.
func (r *reader) entries(what string, each func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.complain(n, "%s must be a list: write [a, b] or one - a line", what)
			return
		}
		for _, entry := range n.Content {
			if entry.Value == strictyaml.Blank {
				r.complain(entry, "an entry of %s is left to fill in: write it, or take it out", what)
				continue
			}
			each(entry)
		}
	}
}

// text reads a string. A number or a truth value must be in quotes.
func (r *reader) text(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
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

// maxWords bounds names, reasons and other text in reports, in bytes.
const maxWords = 256

func unprintable(c rune) bool { return !unicode.IsPrint(c) }

// stringOf returns the text of a scalar. A time without quotes counts as text.
func stringOf(n *yaml.Node) (string, bool) {
	return n.Value, n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp")
}

// shown is a value as a complaint quotes it.
func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return n.Value
}

// truth reads true or false.
func (r *reader) truth(what string, into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Tag != "!!bool" || n.Decode(into) != nil {
			r.complain(n, "%s is %.60q: write true or false", what, shown(n))
		}
	}
}

// one reads the version of the text's shape.
func (r *reader) one(n *yaml.Node) {
	if n.Tag != "!!int" || n.Value != "1" {
		r.complain(n, "version is %.60q: write version: 1", shown(n))
	}
}
