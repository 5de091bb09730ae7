package collection

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Query is a search in the language that Resource Manager, Service Usage and Cloud
// Asset have in common: terms such as "name:how*", "state=ACTIVE" and "NOT word",
// joined by AND, OR, parentheses, or nothing, which is AND.
// Sources: resource-manager/reference/rest/v3/projects/search,
// asset-inventory/docs/searching-resources.
type Query struct {
	matches func(values func(key string) []string) bool
}

// Matches reports whether a query selects what has these values. A term without a
// key asks for the values of "".
func (q Query) Matches(values func(key string) []string) bool {
	return q.matches == nil || q.matches(values)
}

// token is one token of a query: a parenthesis or a word, in which quotes may stand.
var token = regexp.MustCompile(`[()]|(?:"(?:[^"\\]|\\.)*"|[^\s()"])+`)

// term is one term: key, operator and value.
var term = regexp.MustCompile(`^(-?)(?:([A-Za-z][A-Za-z0-9_.-]*)(!=|:|=))?(.*)$`)

// ParseQuery reads a query, in which only some keys may stand.
func ParseQuery(text string, knows func(key string) bool) (Query, error) {
	p := parser{rest: token.FindAllString(text, -1), knows: knows}
	if len(p.rest) == 0 {
		return Query{}, nil
	}
	matches, ok := p.either()
	if !ok || len(p.rest) > 0 {
		return Query{}, apiserver.Invalid("Request contains an invalid argument: the query %q is not valid.", text)
	}
	return Query{matches}, nil
}

type match = func(values func(key string) []string) bool

type parser struct {
	rest  []string
	knows func(key string) bool
}

// next takes the next token, if it is the one that is asked for.
func (p *parser) next(wanted string) bool {
	if len(p.rest) == 0 || p.rest[0] != wanted {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// either reads all that OR joins.
func (p *parser) either() (match, bool) {
	var all []match
	for {
		one, ok := p.both()
		if !ok {
			return nil, false
		}
		if all = append(all, one); !p.next("OR") {
			break
		}
	}
	return func(values func(string) []string) bool {
		return slices.ContainsFunc(all, func(one match) bool { return one(values) })
	}, true
}

// both reads all that AND, or nothing, joins.
func (p *parser) both() (match, bool) {
	var all []match
	for {
		one, ok := p.one()
		if !ok {
			return nil, false
		}
		all = append(all, one)
		if !p.next("AND") && (len(p.rest) == 0 || p.rest[0] == ")" || p.rest[0] == "OR") {
			break
		}
	}
	return func(values func(string) []string) bool {
		return !slices.ContainsFunc(all, func(one match) bool { return !one(values) })
	}, true
}

// one reads a term, or a query in parentheses.
func (p *parser) one() (match, bool) {
	switch {
	case p.next("NOT"):
		inner, ok := p.one()
		return func(values func(string) []string) bool { return !inner(values) }, ok
	case p.next("("):
		inner, ok := p.either()
		return inner, ok && p.next(")")
	case len(p.rest) == 0 || slices.Contains([]string{")", "AND", "OR"}, p.rest[0]):
		return nil, false
	}
	parts := term.FindStringSubmatch(p.rest[0])
	p.rest = p.rest[1:]
	not, key, operator := parts[1] == "-", parts[2], parts[3]
	pattern := strings.ToLower(strings.ReplaceAll(parts[4], `"`, ""))
	if pattern == "" && len(p.rest) > 0 && p.next("(") { // key:(value OR value)
		p.rest = append([]string{"("}, p.rest...)
		return p.distributed(key+operator, not)
	}
	if pattern == "" || !p.knows(key) {
		return nil, false
	}
	pattern = strings.NewReplacer(`\`, `\\`, "[", `\[`, "?", `\?`, "/", "\x00").Replace(pattern) // * stands for slashes too
	return func(values func(string) []string) bool {
		found := slices.ContainsFunc(values(key), func(value string) bool {
			fits, err := path.Match(pattern, strings.ReplaceAll(strings.ToLower(value), "/", "\x00"))
			return err == nil && fits
		})
		return found != (not || operator == "!=")
	}, true
}

// distributed reads the values in parentheses after a key: each is a term.
func (p *parser) distributed(key string, not bool) (match, bool) {
	for i, each := range p.rest {
		if each == ")" {
			break
		}
		if !slices.Contains([]string{"(", "AND", "OR", "NOT"}, each) {
			p.rest[i] = key + each
		}
	}
	inner, ok := p.one()
	return func(values func(string) []string) bool { return inner(values) != not }, ok
}
