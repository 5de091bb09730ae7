package event

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/safetext"
)

// What an outline shows of a message.
const (
	outlineSize = 200 // characters of JSON without its values
	outlineHead = 8   // bytes of anything else, enough to know gzip, protobuf or HTML
)

// Outline describes a message that cannot be read: its size, and of JSON the keys. Values
// are left out, because a log entry that was cut short may have passwords in it, and the
// outline stands in logs and reports.
func Outline(message []byte) string {
	b := bytes.TrimLeft(message, " \t\r\n")
	switch {
	case len(b) == 0:
		return "the message is empty"
	case b[0] == '{' || b[0] == '[':
		return fmt.Sprintf("the message has %d bytes, and without its values it begins with %s", len(message), keysOf(b))
	}
	return fmt.Sprintf("the message has %d bytes, and begins with %q", len(message), b[:min(len(b), outlineHead)])
}

// keysOf writes JSON with … in the place of each value, as far as it can be read.
func keysOf(b []byte) string {
	var out strings.Builder
	for len(b) > 0 && out.Len() < outlineSize {
		switch c := b[0]; {
		case c == '"':
			text, closed := quoted(b)
			b = b[len(text):]
			rest := bytes.TrimLeft(b, " \t\r\n")
			if closed && len(rest) > 0 && rest[0] == ':' {
				out.WriteString(`"` + safetext.Escape(string(text[1:len(text)-1]), maxShown) + `"`)
			} else {
				out.WriteString("…")
			}
		case bytes.IndexByte([]byte("{}[]:,"), c) >= 0:
			out.WriteByte(c)
			b = b[1:]
		case bytes.IndexByte([]byte(" \t\r\n"), c) >= 0:
			b = b[1:]
		default: // a number, a word, or anything that JSON does not have
			end := bytes.IndexAny(b, "{}[]:,\" \t\r\n")
			if end <= 0 {
				end = len(b)
			}
			out.WriteString("…")
			b = b[end:]
		}
	}
	return out.String()
}

// quoted returns the text in quotes that b begins with, and whether it ends.
func quoted(b []byte) (text []byte, closed bool) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i+1], true
		}
	}
	return b, false
}
