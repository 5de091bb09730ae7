package event

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/iapguard/iapguard/internal/strictyaml"

	"github.com/iapguard/iapguard/internal/safetext"
)

// maxYAML bounds one YAML document. A log entry is at most 256 KiB. Source:
// logging/quotas.
const maxYAML = 256 << 10

// readYAML reads documents separated by lines of three hyphens, as `gcloud
// logging read` prints entries. It refuses a document that is too large as soon as
// that is clear, and skips the rest of it.
func readYAML(r *bufio.Reader, self Self, each func(int, Result) error) error {
	d := yamlDocument{line: 1}
	line, lineStart := 1, true
	for {
		part, err := r.ReadSlice('\n') // the beginning of a line, if it is long
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("reading line %d: %w", line, err)
		}
		end := errors.Is(err, io.EOF)
		separator := lineStart && string(bytes.TrimSpace(part)) == "---"
		was := d.large
		if !separator {
			d.add(part, line)
		}
		if !was && (separator || end || d.large) {
			for _, result := range d.results(self) {
				if err := each(d.line, result); err != nil {
					return err
				}
			}
		}
		if separator {
			d = yamlDocument{text: d.text[:0], line: line + 1}
		}
		if end {
			return nil
		}
		if lineStart = err == nil; lineStart {
			line++
		}
	}
}

// yamlDocument is one document while its lines come in.
type yamlDocument struct {
	text  []byte
	line  int // on which it starts
	begun bool
	large bool
}

func (d *yamlDocument) add(text []byte, line int) {
	if !d.begun && len(bytes.TrimSpace(text)) > 0 {
		d.begun, d.line = true, line
	}
	d.large = d.large || len(d.text)+len(text) > maxYAML
	if d.begun && !d.large {
		d.text = append(d.text, text...)
	}
}

// results are those of the document, none if it is empty.
func (d *yamlDocument) results(self Self) []Result {
	p := parser{self: self}
	switch {
	case !d.begun:
	case d.large:
		p.ignore(Unreadable, "a YAML document of more than %d bytes", maxYAML)
	default:
		text, err := jsonOfYAML(d.text)
		switch {
		case err != nil && consoleLine.Match(d.text):
			p.ignore(Unreadable, "%s", copiedLine)
		case err != nil:
			p.ignore(Unreadable, "neither JSON nor YAML: %s", safetext.Escape(firstLine(err.Error()), maxText))
		default:
			p.body(text)
		}
	}
	return p.results
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// jsonOfYAML returns a YAML document as the JSON text of the same value. A
// document that is a single value is refused: it is a text in no known format.
func jsonOfYAML(doc []byte) ([]byte, error) {
	text, err := strictyaml.JSON(doc, maxDepth)
	if err == nil && !bytes.HasPrefix(text, []byte("{")) && !bytes.HasPrefix(text, []byte("[")) {
		return nil, fmt.Errorf("a single value %s", quote(string(doc)))
	}
	return text, err
}
