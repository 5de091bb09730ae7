package logging

import "strings"

// Filter is a parsed filter of the Logging query language, as much of it as
// sinks use: comparisons, AND, OR, NOT, parentheses, log_id(). String
// comparisons ignore case, and OR binds tighter than AND
// (logging/docs/view/logging-query-language).
type Filter struct{ root node }

// maxFilter is the longest filter that Logging takes, in characters.
const maxFilter = 20_000

// maxDepth bounds nesting, so that no filter can exhaust the stack.
const maxDepth = 100

// ParseFilter reads a filter; "" matches everything. Errors are *SyntaxError.
func ParseFilter(filter string) (*Filter, error) {
	p := &parser{lexer: lexer{filter: filter}}
	if len(filter) > maxFilter {
		return nil, p.fail(maxFilter, "the filter is longer than %d characters", maxFilter)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == endToken {
		return &Filter{allOf{}}, nil
	}
	root, err := p.conjunction()
	if err != nil {
		return nil, err
	}
	if p.token.kind != endToken {
		return nil, p.unexpected("the end")
	}
	return &Filter{root}, nil
}

type parser struct {
	lexer
	token token
	depth int
}

func (p *parser) advance() (err error) {
	p.token, err = p.next()
	return err
}

func (p *parser) unexpected(wanted string) error {
	if p.token.kind == endToken {
		return p.fail(p.token.at, "the filter ends where %s should be", wanted)
	}
	return p.fail(p.token.at, "token '%s' where %s should be", p.token.text, wanted)
}

func (p *parser) keyword(word string) bool { return p.token.kind == wordToken && p.token.text == word }

// conjunction is disjunctions joined by AND, written or not.
func (p *parser) conjunction() (node, error) {
	var all allOf
	for {
		each, err := p.disjunction()
		if err != nil {
			return nil, err
		}
		all = append(all, each)
		if p.token.kind == endToken || p.token.kind == closeToken {
			return all, nil
		}
		if p.keyword("AND") {
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
	}
}

func (p *parser) disjunction() (node, error) {
	var any anyOf
	for {
		each, err := p.term()
		if err != nil {
			return nil, err
		}
		any = append(any, each)
		if !p.keyword("OR") {
			return any, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// term is a comparison, a parenthesis, or the negation of one.
func (p *parser) term() (node, error) {
	negated := false
	for p.keyword("NOT") || p.token.kind == minusToken {
		negated = !negated
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	var inner node
	var err error
	if p.token.kind == openToken {
		inner, err = p.parenthesis(p.conjunction)
	} else {
		inner, err = p.comparison()
	}
	if negated && err == nil {
		return not{inner}, nil
	}
	return inner, err
}

func (p *parser) parenthesis(inner func() (node, error)) (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, p.fail(p.token.at, "nested deeper than %d levels", maxDepth)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	found, err := inner()
	if err != nil {
		return nil, err
	}
	if p.token.kind != closeToken {
		return nil, p.unexpected("')'")
	}
	return found, p.advance()
}

// comparison is FIELD OP VALUE, a function, or text that stands for a search
// in all fields.
func (p *parser) comparison() (node, error) {
	start := p.token
	switch {
	case start.kind != wordToken && start.kind != quotedToken:
		return nil, p.unexpected("a comparison")
	case p.keyword("AND") || p.keyword("OR"):
		return nil, p.unexpected("a comparison")
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	switch {
	case p.token.kind == opToken:
		if !defined(path) {
			return nil, p.fail(start.at, "no log entry has a field %s", strings.Join(path, "."))
		}
		op := p.token
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.values(path, op)
	case p.token.kind == openToken && p.token.glued && start.kind == wordToken:
		return p.function(start)
	}
	return search{strings.ToLower(strings.Join(path, "."))}, nil
}

// path is a field's segments; quoted ones may hold anything.
func (p *parser) path() ([]string, error) {
	var segments []string
	for {
		if p.token.kind != wordToken && p.token.kind != quotedToken {
			return nil, p.unexpected("a field")
		}
		segments = append(segments, p.token.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.token.kind != dotToken || !p.token.glued {
			return segments, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// function reads log_id("…"), the only function that sinks commonly use.
func (p *parser) function(name token) (node, error) {
	if name.text != "log_id" {
		return nil, p.fail(name.at, "the function %s is not supported here", name.text)
	}
	var id string
	_, err := p.parenthesis(func() (node, error) {
		if p.token.kind != quotedToken {
			return nil, p.unexpected("a quoted log id")
		}
		id = p.token.text
		return nil, p.advance()
	})
	return logID{id}, err
}
