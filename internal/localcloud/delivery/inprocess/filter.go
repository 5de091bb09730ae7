package inprocess

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/scanner"
)

// filter reports whether a message with some attributes is delivered.
type filter func(attributes map[string]string) bool

// parseFilter reads a subscription's filter; "" is nil and lets everything through.
// Source: pubsub/docs/subscription-message-filter#filtering_syntax.
func parseFilter(text string) (filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := &filterParser{}
	p.Init(strings.NewReader(text))
	p.Mode = scanner.ScanIdents | scanner.ScanStrings
	p.Error = func(*scanner.Scanner, string) { p.torn = true }
	p.IsIdentRune = func(r rune, at int) bool {
		return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || at > 0 && (r >= '0' && r <= '9' || r == '-')
	}
	p.next()
	parsed, err := p.conjunction()
	if err == nil && p.token != scanner.EOF {
		err = fmt.Errorf("unexpected %q", p.TokenText())
	}
	if err == nil && p.torn {
		err = errors.New("a string does not end")
	}
	return parsed, err
}

type filterParser struct {
	scanner.Scanner
	token rune
	torn  bool
}

func (p *filterParser) next() { p.token = p.Scan() }

// word reports whether a word comes next, and takes it.
func (p *filterParser) word(text string) bool {
	if p.token != scanner.EOF && p.TokenText() == text {
		p.next()
		return true
	}
	return false
}

// conjunction reads terms joined by AND or by OR, which parentheses alone may mix.
func (p *filterParser) conjunction() (filter, error) {
	left, err := p.term()
	joined := ""
	for err == nil && (p.TokenText() == "AND" || p.TokenText() == "OR") && p.token != scanner.EOF {
		operator := p.TokenText()
		if joined != "" && joined != operator {
			return nil, errors.New("AND and OR together need parentheses")
		}
		joined = operator
		p.next()
		var right filter
		if right, err = p.term(); err != nil {
			return nil, err
		}
		first := left
		if operator == "AND" {
			left = func(a map[string]string) bool { return first(a) && right(a) }
		} else {
			left = func(a map[string]string) bool { return first(a) || right(a) }
		}
	}
	return left, err
}

func (p *filterParser) term() (filter, error) {
	switch {
	case p.word("NOT") || p.word("-"):
		negated, err := p.term()
		return func(a map[string]string) bool { return !negated(a) }, err
	case p.word("("):
		inner, err := p.conjunction()
		if err == nil && !p.word(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return inner, err
	case p.word("hasPrefix"):
		return p.prefix()
	case p.word("attributes"):
		return p.comparison()
	}
	return nil, fmt.Errorf("unexpected %q", p.TokenText())
}

// prefix reads hasPrefix(attributes.KEY, "VALUE").
func (p *filterParser) prefix() (filter, error) {
	if !p.word("(") || !p.word("attributes") || !p.word(".") {
		return nil, errors.New(`hasPrefix takes (attributes.KEY, "VALUE")`)
	}
	key, err := p.text()
	if err == nil && !p.word(",") {
		err = errors.New(`hasPrefix takes (attributes.KEY, "VALUE")`)
	}
	if err != nil {
		return nil, err
	}
	value, err := p.text()
	if err == nil && !p.word(")") {
		err = errors.New("a parenthesis is not closed")
	}
	return func(a map[string]string) bool { return strings.HasPrefix(a[key], value) }, err
}

// comparison reads what follows "attributes": ":KEY", ".KEY = VALUE" or ".KEY != VALUE".
func (p *filterParser) comparison() (filter, error) {
	if p.word(":") {
		key, err := p.text()
		return func(a map[string]string) bool { _, has := a[key]; return has }, err
	}
	if !p.word(".") {
		return nil, errors.New("attributes is followed by a colon or a full stop")
	}
	key, err := p.text()
	if err != nil {
		return nil, err
	}
	differs := p.word("!")
	if !p.word("=") {
		return nil, fmt.Errorf("unexpected %q: write = or !=", p.TokenText())
	}
	value, err := p.text()
	// A message without the attribute differs from every value.
	return func(a map[string]string) bool {
		found, has := a[key]
		return (has && found == value) != differs
	}, err
}

// text reads a key or a value, quoted or not.
func (p *filterParser) text() (string, error) {
	defer p.next()
	switch p.token {
	case scanner.Ident:
		return p.TokenText(), nil
	case scanner.String:
		return strconv.Unquote(p.TokenText())
	}
	return "", fmt.Errorf("unexpected %q: write a key or a quoted string", p.TokenText())
}
