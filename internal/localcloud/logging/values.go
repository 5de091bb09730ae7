package logging

import (
	"regexp"
	"strings"
)

// values is one value, or several in parentheses: field=("a" OR "b").
func (p *parser) values(path []string, op token) (node, error) {
	if p.token.kind != openToken {
		return p.value(path, op)
	}
	return p.valueList(path, op)
}

// valueList reads AND, OR and NOT between values.
func (p *parser) valueList(path []string, op token) (node, error) {
	return p.parenthesis(func() (node, error) {
		var all allOf
		var any anyOf
		for {
			negated := p.keyword("NOT") || p.token.kind == minusToken
			if negated {
				if err := p.advance(); err != nil {
					return nil, err
				}
			}
			each, err := p.values(path, op)
			if err != nil {
				return nil, err
			}
			if negated {
				each = not{each}
			}
			any = append(any, each)
			isOr := p.keyword("OR")
			if !isOr {
				all, any = append(all, any), nil
			}
			if isOr || p.keyword("AND") {
				if err := p.advance(); err != nil {
					return nil, err
				}
			} else if p.token.kind == closeToken {
				return all, nil
			}
		}
	})
}

// value reads one value: quoted, or unquoted text with the dots in it.
func (p *parser) value(path []string, op token) (node, error) {
	at := p.token.at
	text, quoted := p.token.text, p.token.kind == quotedToken
	if !quoted && p.token.kind != wordToken || p.keyword("AND") || p.keyword("OR") || p.keyword("NOT") {
		return nil, p.unexpected("a value")
	}
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if quoted || !p.token.glued || p.token.kind != dotToken && p.token.kind != wordToken {
			break
		}
		text += p.token.text
	}
	found := compare{path: path, op: op.text, value: text, lower: strings.ToLower(text), unset: unset(path)}
	switch {
	case text == "*" && !quoted && op.text == ":":
		found.op = "present"
	case op.text == "=~" || op.text == "!~":
		pattern, err := regexp.Compile(text)
		if err != nil {
			return nil, p.fail(at, "%v", err)
		}
		found.pattern = pattern
	}
	return found, nil
}
