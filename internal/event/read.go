package event

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Read reads a file or stream of messages and calls each for every result, in
// order, with the line on which its entry starts, from 1. Its memory does not grow
// with the length of the file.
//
// It takes the formats that people have: a JSON object, an array (`gcloud logging
// read --format=json`), objects one a line or indented one after the other, YAML
// documents (`gcloud logging read`), and any envelope that Parse knows; in UTF-8
// or UTF-16, with or without a byte-order mark, gzip or not. A broken entry is
// Unreadable and affects no other: Read continues with the next entry that begins
// on a line of its own.
//
// The error is that of r, or the first that each returns.
func Read(r io.Reader, self Self, each func(line int, result Result) error) error {
	text, err := plainText(r)
	if err != nil {
		return err
	}
	first, err := firstByte(text)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if first == '{' || first == '[' {
		return readJSON(text, self, each)
	}
	return readYAML(text, self, each)
}

// plainText decompresses a stream and converts it to UTF-8, as plain does a body.
func plainText(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReader(r)
	start, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(start, []byte("\x1f\x8b")) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("decompressing: %w", err)
		}
		b = bufio.NewReader(z)
		if start, err = b.Peek(2); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("decompressing: %w", err)
		}
	}
	if order, ok := utf16Order(start); ok {
		return bufio.NewReader(transform.NewReader(b, unicode.UTF16(order, unicode.UseBOM).NewDecoder())), nil
	}
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3) // it was peeked at: it is there
	}
	return b, nil
}

// firstByte is the first byte that is not white space. It reads nothing, so that
// empty lines are still counted.
func firstByte(b *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		start, err := b.Peek(n)
		switch {
		case len(start) == n && bytes.IndexByte([]byte(" \t\r\n"), start[n-1]) < 0:
			return start[n-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			return '{', nil // thousands of empty lines: the JSON reader skips them
		case err != nil:
			return 0, err
		}
	}
}

func readJSON(r io.Reader, self Self, each func(int, Result) error) error {
	f := newFramer(r)
	for {
		frame, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading line %d: %w", f.line, err)
		}
		p := parser{self: self}
		switch {
		case frame.refused != "":
			p.ignore(Unreadable, "%s", frame.refused)
		default:
			p.body(frame.text)
		}
		for _, result := range p.results {
			if err := each(frame.line, result); err != nil {
				return err
			}
		}
	}
}
