package logging

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says what is wrong with a filter and where.
type SyntaxError struct {
	Line, Column int // from 1; columns count characters
	What         string
}

// Error has the form of Google's message; its words are unverified.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("syntax error at line %d, column %d: %s", e.Line, e.Column, e.What)
}

// tokenKind is the kind of a token.
type tokenKind int

const (
	endToken    tokenKind = iota
	wordToken             // unquoted text
	quotedToken           // quoted text, unescaped
	opToken               // = != > >= < <= : =~ !~
	openToken
	closeToken
	dotToken   // between the segments of a field
	minusToken // NOT
)

type token struct {
	kind tokenKind
	text string
	at   int // byte offset
	// glued: no space before it, which distinguishes a field's dots and a
	// function's parenthesis from other text.
	glued bool
}

// lexer cuts a filter into tokens.
type lexer struct {
	filter string
	at     int
}

func (l *lexer) fail(at int, format string, args ...any) *SyntaxError {
	before := l.filter[:min(at, len(l.filter))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &SyntaxError{line, column, fmt.Sprintf(format, args...)}
}

// next is the next token.
func (l *lexer) next() (token, error) {
	start := l.at
	l.skipSpace()
	found := token{at: l.at, glued: l.at == start}
	rest := l.filter[l.at:]
	if rest == "" {
		return found, nil
	}
	for _, op := range []string{"!=", "=~", "!~", "<=", ">=", "=", "<", ">", ":"} {
		if strings.HasPrefix(rest, op) {
			found.kind, found.text = opToken, op
			l.at += len(op)
			return found, nil
		}
	}
	punctuation := map[byte]tokenKind{'(': openToken, ')': closeToken, '.': dotToken}
	if kind, ok := punctuation[rest[0]]; ok {
		found.kind, found.text = kind, rest[:1]
		l.at++
		return found, nil
	}
	switch {
	case rest[0] == '"' || rest[0] == '\'':
		return l.quoted(found)
	case rest[0] == '-' && !startsNumber(rest[1:]):
		found.kind, found.text = minusToken, "-"
		l.at++
		return found, nil
	}
	length := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
	if length < 0 {
		length = len(rest)
	}
	if length == 0 {
		r, _ := utf8.DecodeRuneInString(rest)
		return found, l.fail(l.at, "unexpected character %q", r)
	}
	found.kind, found.text = wordToken, rest[:length]
	l.at += length
	return found, nil
}

// skipSpace passes white space and comments ("-- to the end of the line").
func (l *lexer) skipSpace() {
	for {
		rest := l.filter[l.at:]
		trimmed := strings.TrimLeftFunc(rest, unicode.IsSpace)
		l.at += len(rest) - len(trimmed)
		if !strings.HasPrefix(trimmed, "--") {
			return
		}
		end := strings.IndexByte(trimmed, '\n')
		if end < 0 {
			end = len(trimmed)
		}
		l.at += end
	}
}

func (l *lexer) quoted(found token) (token, error) {
	quote := l.filter[l.at]
	var text strings.Builder
	for i := l.at + 1; i < len(l.filter); i++ {
		switch c := l.filter[i]; {
		case c == quote:
			found.kind, found.text = quotedToken, text.String()
			l.at = i + 1
			return found, nil
		case c == '\\' && i+1 < len(l.filter):
			i++
			text.WriteString(unescape(l.filter[i]))
		default:
			text.WriteByte(c)
		}
	}
	return found, l.fail(found.at, "unterminated string")
}

// unescape keeps what is not an escape sequence, so that regular expressions need
// no doubled backslashes.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '"', '\'', '\\':
		return string(c)
	}
	return `\` + string(c)
}

// isWord says what unquoted text may hold: letters, digits and some marks that
// have no meaning of their own. A dot separates the segments of a field.
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-/@*+$%&#", r)
}

func startsNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }
