package logging

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// What a filter says of entries that need not be decoded for it.

// times are the first and the last time that an entry can have which the filter
// selects; zero = any.
func (f *Filter) times() (from, to time.Time) {
	nodes, ok := f.root.(allOf)
	if !ok {
		nodes = allOf{f.root}
	}
	for _, each := range nodes {
		c, ok := each.(compare)
		if !ok || len(c.path) != 1 || c.path[0] != "timestamp" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, c.value)
		if err != nil {
			continue
		}
		if strings.HasPrefix(c.op, ">") || c.op == "=" {
			from = later(from, at)
		}
		if (strings.HasPrefix(c.op, "<") || c.op == "=") && (to.IsZero() || at.Before(to)) {
			to = at
		}
	}
	return from, to
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Selects reports whether the filter selects an entry, given as JSON.
func (f *Filter) Selects(raw []byte) bool { return f.selects(raw, nil) }

// selects is Selects of an entry whose parts may be at hand. It decodes the entry only
// where the text does not already say that it is not selected.
func (f *Filter) selects(raw []byte, tree map[string]any) bool {
	if tree != nil {
		return f.Match(tree)
	}
	return !f.rejects(raw) && f.Match(decoded(raw))
}

// rejects reports whether the filter certainly does not select an entry, which
// the entry's text alone shows: a text that the filter asks for is not in it.
func (f *Filter) rejects(raw []byte) bool { return rejects(f.root, bytes.ToLower(raw)) }

// rejects says so of one part of a filter, with the text in lower case.
func rejects(part node, lower []byte) bool {
	switch part := part.(type) {
	case allOf:
		for _, each := range part {
			if rejects(each, lower) {
				return true
			}
		}
	case anyOf:
		for _, each := range part {
			if !rejects(each, lower) {
				return false
			}
		}
		return len(part) > 0
	case search:
		return lacks(lower, part.lower)
	case compare:
		// A field that an entry lacks may be taken for what the filter asks for, a
		// time and a number are equal to others of the same value.
		switch {
		case part.unset != nil:
		case part.op == ":":
			return lacks(lower, part.lower)
		case part.op == "=" && !isNumber(part.value) && !isTime(part.value):
			return lacks(lower, part.lower)
		}
	}
	return false
}

// lacks reports whether a text is certainly in no value of an entry. JSON writes
// some characters otherwise than they are; a null counts as "NULL_VALUE".
func lacks(entry []byte, text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			return false
		}
	}
	return !strings.Contains("null_value", text) && !bytes.Contains(entry, []byte(text))
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}
