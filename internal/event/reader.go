package event

import (
	"bytes"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// reader walks a JSON text that is in memory whole. It reads what it is asked
// for and skips the rest, so that an entry costs a few allocations whatever
// its size, and a value of an unexpected type costs nothing but itself.
type reader struct {
	dec  *jsontext.Decoder
	buf  *bytes.Buffer
	body []byte
	// alias: the member that is being read has another spelling of its name.
	alias bool
	// hurry: see parser.
	hurry bool
}

var readers = sync.Pool{New: func() any {
	buf := new(bytes.Buffer)
	return &reader{dec: jsontext.NewDecoder(buf), buf: buf}
}}

// newReader starts at the beginning of b, which must not change while the
// reader or a value taken from it is in use.
func newReader(b []byte) *reader {
	r := readers.Get().(*reader)
	r.start(b)
	return r
}

func (r *reader) start(b []byte) {
	*r.buf = *bytes.NewBuffer(b)
	r.body = b
	// Repeated names are judged where they matter (see text); invalid UTF-8
	// stands in garbled fingerprints.
	r.dec.Reset(r.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// leave goes on behind the outermost value that is being read.
func (r *reader) leave() {
	rest := r.body[r.dec.InputOffset():]
	r.start(rest[closing(rest, r.dec.StackDepth()):])
}

// release gives the reader back. Nothing that was read is lost by it.
func (r *reader) release() {
	*r.buf = bytes.Buffer{}
	r.body, r.alias, r.hurry = nil, false, false
	readers.Put(r)
}

// object calls visit for each member of the object that comes next; visit must
// consume the member's value. Anything but an object is skipped: exports hold
// strings ("...") where objects belong.
func (r *reader) object(visit func(name []byte) error) error {
	if r.dec.PeekKind() != '{' {
		return r.skip()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := visit(unquoted(name)); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken() // the closing brace, or what is wrong instead
	return err
}

// elements calls visit for each element of the array that comes next.
func (r *reader) elements(visit func() error) error {
	if r.dec.PeekKind() != '[' {
		return r.skip()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for {
		switch r.dec.PeekKind() {
		case ']', jsontext.KindInvalid:
			_, err := r.dec.ReadToken()
			return err
		}
		if err := visit(); err != nil {
			return err
		}
	}
}

func (r *reader) skip() error {
	_, err := r.dec.ReadValue()
	return err
}

// value takes the next value as it stands.
func (r *reader) value(into *jsontext.Value) error {
	v, err := r.dec.ReadValue()
	if !r.alias || *into == nil {
		*into = v
	}
	return err
}

// text is a string that was read. Numbers are taken as their text, since
// exporters turn one into the other.
type text struct {
	s string
	// alias: read under another spelling of its name; the right spelling wins.
	alias bool
	// twice: the same name stands in one object with different values.
	twice bool
}

// text reads the next value if it is a string or a number.
func (r *reader) text(into *text) error {
	kind := r.dec.PeekKind()
	v, err := r.dec.ReadValue()
	if err != nil || kind != '"' && kind != '0' {
		return err
	}
	b := []byte(v)
	if kind == '"' {
		b = unquoted(v)
	}
	switch {
	case into.s == "":
		into.s = string(b)
		into.alias = r.alias
	case r.alias:
	case into.alias:
		into.s, into.alias = string(b), false
	case into.s != string(b):
		into.twice = true
	}
	return nil
}

// flag reads the next value if it is true, false, or one of them as a string.
func (r *reader) flag(into *bool) error {
	v, err := r.dec.ReadValue()
	*into = string(v) == "true" || string(v) == `"true"`
	return err
}

// unquoted is the content of a JSON string, without copying where it can.
func unquoted(v jsontext.Value) []byte {
	if len(v) >= 2 && bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, v) // replaces invalid UTF-8, and says so
	return b
}

func stringOf(v jsontext.Value) string { return string(unquoted(v)) }

func kindOf(v jsontext.Value) jsontext.Kind {
	if len(v) == 0 {
		return jsontext.KindInvalid
	}
	return v.Kind()
}

// find is the text at a path below an object, "" where there is none. The
// first name of several spellings that is present counts.
func find(v jsontext.Value, path ...string) string {
	if kindOf(v) != '{' {
		return ""
	}
	var next jsontext.Value
	r := newReader(v)
	defer r.release()
	err := r.object(func(name []byte) error {
		if next == nil && string(name) == path[0] {
			return r.value(&next)
		}
		return r.skip()
	})
	switch {
	case err != nil || next == nil:
		return ""
	case len(path) > 1:
		return find(next, path[1:]...)
	case next.Kind() == '"':
		return stringOf(next)
	}
	return ""
}

// deeper reports whether a JSON text is nested more than limit deep. Brackets
// inside strings do not count.
func deeper(b []byte, limit int) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if depth++; depth > limit {
				return true
			}
		case '}', ']':
			depth--
		case '"':
			i = stringEnd(b, i+1)
		}
	}
	return false
}

// closing is the index behind the bracket that closes the outermost of the
// open ones, or len(b). Brackets inside strings do not count.
func closing(b []byte, open int) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				return i + 1
			}
		case '"':
			i = stringEnd(b, i+1)
		}
	}
	return len(b)
}

// stringEnd is the index of the quote that closes a string whose content
// starts at i, or len(b).
func stringEnd(b []byte, i int) int {
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		slashes := 0
		for slashes < i && b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		i++
	}
	return len(b)
}
