package strictyaml

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Blank stands where a person has to write something, in a file that a program began. A
// reader refuses it as a value.
const Blank = "<fill in>"

// Problem is one thing that is wrong in a text. As an error it reads
// FILE:LINE:COL: what is wrong; without a name of the file, LINE:COL: what is wrong.
type Problem struct {
	File         string // "" = the text has no name
	Line, Column int
	Key          string // the path of the value, like rules[0].mode; "" = the text as a whole
	Text         string // what is wrong, and what to write
}

func (p *Problem) Error() string {
	place := fmt.Sprintf("%d:%d", p.Line, p.Column)
	if p.File != "" {
		place = p.File + ":" + place
	}
	return place + ": " + p.Text
}

// At is a problem of a value.
func At(n *yaml.Node, problem string) *Problem {
	return &Problem{Line: n.Line, Column: n.Column, Text: problem}
}

// InText is a problem at an offset of a text.
func InText(text []byte, offset int, problem string) *Problem {
	before := text[:min(offset, len(text))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return &Problem{Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(line) + 1, Text: problem}
}

// unreadable is the offset of the first octet or character that no YAML may have.
func unreadable(text []byte) int {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1, c == 0x7f, c == 0xfffe, c == 0xffff,
			c < ' ' && c != '\t' && c != '\n' && c != '\r', c > 0x7f && c < 0xa0 && c != 0x85:
			return i
		}
		i += size
	}
	return 0
}

// Problems are the problems in an error, in the order of their places.
func Problems(err error) []*Problem {
	found := collect(err)
	inOrder(found)
	return found
}

func inOrder(problems []*Problem) {
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Join is an error of problems, in the order of their places; nil for none.
func Join(problems []*Problem) error {
	all := make([]error, len(problems))
	inOrder(problems)
	for i, each := range problems {
		all[i] = each
	}
	return errors.Join(all...)
}

func collect(err error) []*Problem {
	switch err := err.(type) {
	case nil:
		return nil
	case *Problem:
		return []*Problem{err}
	case interface{ Unwrap() []error }:
		var found []*Problem
		for _, each := range err.Unwrap() {
			found = append(found, collect(each)...)
		}
		return found
	}
	return collect(errors.Unwrap(err))
}

// In names the file in every problem of an error. An error without one gets the name in
// front.
func In(file string, err error) error {
	if err == nil {
		return nil
	}
	found := Problems(err)
	if len(found) == 0 {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i, each := range found {
		named := *each
		named.File = file
		found[i] = &named
	}
	return Join(found)
}

// Paths gives every value and key below a value its path, like rules[0].mode.
func Paths(root *yaml.Node) map[*yaml.Node]string {
	paths := map[*yaml.Node]string{}
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		paths[n] = path
		switch n.Kind {
		case yaml.MappingNode:
			for key, value := range Pairs(n) {
				below := key.Value
				if path != "" {
					below = path + "." + below
				}
				paths[key] = below
				walk(value, below)
			}
		case yaml.SequenceNode:
			for i, entry := range n.Content {
				walk(entry, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
	walk(root, "")
	return paths
}
