package event

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// plain decompresses a body and converts it to UTF-8.
func plain(b []byte) ([]byte, error) {
	if bytes.HasPrefix(b, []byte("\x1f\x8b")) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("decompressing the body: %w", err)
		}
		if b, err = io.ReadAll(io.LimitReader(z, MaxBody+1)); err != nil {
			return nil, fmt.Errorf("decompressing the body: %w", err)
		}
	}
	if len(b) > MaxBody {
		return nil, fmt.Errorf("the body is larger than %d bytes", MaxBody)
	}
	if order, ok := utf16Order(b); ok {
		d := unicode.UTF16(order, unicode.UseBOM).NewDecoder()
		text, _, err := transform.Bytes(d, b)
		return text, err
	}
	return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), nil
}

// utf16Order recognises UTF-16 by its byte-order mark, or by the zero byte beside
// the ASCII character that a JSON text starts with.
func utf16Order(b []byte) (unicode.Endianness, bool) {
	switch {
	case len(b) < 2:
		return unicode.BigEndian, false
	case b[0] == 0xff && b[1] == 0xfe, jsonStart(b[0]) && b[1] == 0:
		return unicode.LittleEndian, true
	case b[0] == 0xfe && b[1] == 0xff, b[0] == 0 && jsonStart(b[1]):
		return unicode.BigEndian, true
	}
	return unicode.BigEndian, false
}

func jsonStart(c byte) bool { return strings.IndexByte("{[ \t\r\n", c) >= 0 }
