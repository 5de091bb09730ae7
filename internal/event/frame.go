package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// frame is one top-level JSON value, or text in its place.
type frame struct {
	text    []byte // valid until the next frame
	line    int
	refused string // why it was not kept, "" if it was
}

// framer cuts a stream into its top-level JSON objects. It opens lists at the top
// level: their elements are frames, so that a list of any length needs no
// memory. It only finds where values end; the parser checks them.
type framer struct {
	r      io.Reader
	buf    []byte
	window []byte // the part of buf that was not scanned yet
	err    error  // of r, once it returned one
	line   int

	kept     []byte
	lists    int // open at the top
	depth    int // of brackets inside the frame
	inString bool
	escaped  bool
	newLine  bool // nothing but a line break followed the last byte
	last     byte // last byte outside strings that is not white space
	dropping bool // the frame is too large; its rest is skipped
}

func newFramer(r io.Reader) *framer {
	return &framer{r: r, buf: make([]byte, 64<<10), line: 1, newLine: true}
}

// fill reads on if the window is empty.
func (f *framer) fill() error {
	for len(f.window) == 0 {
		if f.err != nil {
			return f.err
		}
		n, err := f.r.Read(f.buf)
		f.window, f.err = f.buf[:n], err
	}
	return nil
}

// next is the next frame, or the reader's error, which is io.EOF at the end.
func (f *framer) next() (frame, error) {
	if f.dropping {
		if _, err := f.collect(); err != nil {
			return frame{}, err
		}
		f.dropping = false
	}
	for {
		if err := f.fill(); errors.Is(err, io.EOF) && f.lists > 0 {
			f.lists = 0
			return frame{line: f.line, refused: "the list is cut off: its closing bracket is missing"}, nil
		} else if err != nil {
			return frame{}, err
		}
		switch c := f.window[0]; c {
		case '\n':
			f.line++
		case ' ', '\t', '\r', ',':
		case '[':
			f.lists++
		case ']':
			f.lists = max(0, f.lists-1)
		case '{':
			return f.object()
		default:
			return f.rest()
		}
		f.window = f.window[1:]
	}
}

// object collects the object that starts here.
func (f *framer) object() (frame, error) {
	line := f.line
	f.kept, f.depth, f.inString, f.escaped, f.last, f.newLine = f.kept[:0], 0, false, false, 0, false
	complete, err := f.collect()
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return frame{}, err
	case !complete && f.dropping:
		return frame{line: line, refused: fmt.Sprintf("an entry of more than %d bytes", MaxBody)}, nil
	}
	return frame{text: f.kept, line: line}, nil
}

// collect takes bytes until the object ends, is broken, or is too large. complete
// is false only in the last case.
func (f *framer) collect() (complete bool, err error) {
	for {
		if err := f.fill(); err != nil {
			return true, err
		}
		n, done := f.scan(f.window)
		if !f.dropping {
			f.kept = append(f.kept, f.window[:n]...)
		}
		f.window = f.window[n:]
		if done {
			return true, nil
		}
		if !f.dropping && len(f.kept) > MaxBody {
			f.dropping = true
			f.kept = f.kept[:0]
			return false, nil
		}
	}
}

// scan finds the end of the frame in w: the number of bytes that belong to it, and
// whether it ends there.
//
// A line break within a string is not JSON, nor is an object that begins a line
// where no object can begin. A broken frame ends there, so that one cut line does
// not swallow the lines after it.
func (f *framer) scan(w []byte) (n int, done bool) {
	for i := 0; i < len(w); i++ {
		c := w[i]
		if f.inString {
			switch {
			case c == '\n':
				return i, true
			case f.escaped:
				f.escaped = false
			case c == '\\':
				f.escaped = true
			case c == '"':
				f.inString = false
				f.last = c
			default:
				i += plainRun(w[i+1:])
			}
			continue
		}
		switch c {
		case '\n':
			f.line++
			f.newLine = true
			continue
		case ' ', '\t', '\r':
			f.newLine = false
			continue
		case '"':
			f.inString = true
		case '{', '[':
			if c == '{' && f.newLine && f.last != ',' && f.last != '[' && f.last != ':' && f.depth > 0 {
				return i, true
			}
			f.depth++
		case '}', ']':
			if f.depth--; f.depth <= 0 {
				return i + 1, true
			}
		}
		f.newLine = false
		f.last = c
	}
	return len(w), false
}

// plainRun is the number of bytes at the start of w that are ordinary content of
// a string.
func plainRun(w []byte) int {
	for i, c := range w {
		if c == '"' || c == '\\' || c == '\n' {
			return i
		}
	}
	return len(w)
}

// rest takes text that is not an object, up to the end of its line.
func (f *framer) rest() (frame, error) {
	out := frame{line: f.line}
	f.kept = f.kept[:0]
	for {
		if err := f.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			out.text = f.kept
			return out, err
		}
		n := bytes.IndexByte(f.window, '\n')
		end := n >= 0
		if !end {
			n = len(f.window)
		}
		if len(f.kept) < maxText { // enough to show; nothing of it is parsed
			f.kept = append(f.kept, f.window[:min(n, maxText)]...)
		}
		f.window = f.window[n:]
		if end {
			out.text = f.kept
			return out, nil
		}
	}
}
