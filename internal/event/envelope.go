package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// body opens what was delivered. What it is, is decided by what it holds and
// not by its headers: senders and proxies set content types as they please.
func (p *parser) body(b []byte) {
	b, err := plain(b)
	if err != nil {
		p.ignore(Unreadable, "%v", err)
		return
	}
	// Before white space is cut: the first byte of such a message is a newline.
	if message, ok := messageFromProtobuf(b); ok {
		p.push(message)
		return
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	switch {
	case len(b) == 0:
		p.ignore(Unreadable, "the body is empty")
	case b[0] == '{' || b[0] == '[':
		p.json(b)
	default:
		p.other(b)
	}
}

// other reads what starts like no JSON object or array.
func (p *parser) other(b []byte) {
	if text, ok := entryFromProtobuf(b); ok {
		p.json(text)
		return
	}
	if jsontext.Value(b).IsValid() {
		p.ignore(NotALogEntry, "JSON, but neither an object nor a list: %s", quote(string(b)))
		return
	}
	p.ignore(Unreadable, "neither JSON nor a protobuf log entry: %s", quote(string(b)))
}

// json reads one JSON text, or several one after the other.
func (p *parser) json(b []byte) {
	if deeper(b, MaxDepth) {
		p.ignore(Unreadable, "nested more than %d deep", MaxDepth)
		return
	}
	r := newReader(b)
	defer r.release()
	r.hurry = p.hurry
	p.values(r)
}

// values reads the values of a text or of one array, objects each as a
// document of its own.
func (p *parser) values(r *reader) {
	for {
		if len(p.results) >= maxEntries {
			p.ignore(Unreadable, "more than %d entries in one message", maxEntries)
			return
		}
		var err error
		switch r.dec.PeekKind() {
		case '[', ']', '}': // the last is an error, which the decoder words best
			_, err = r.dec.ReadToken()
		case '{':
			d := new(document)
			if err = d.read(r); err == nil {
				p.document(d)
			}
		case jsontext.KindInvalid:
			if _, err = r.dec.ReadToken(); errors.Is(err, io.EOF) && r.dec.StackDepth() == 0 {
				return
			}
		default:
			err = r.dec.SkipValue()
			p.ignore(NotALogEntry, "a list holds something that is no object")
		}
		if err != nil {
			p.ignore(Unreadable, "not valid JSON: %s", describe(err))
			return
		}
	}
}

// describe tells where a JSON text goes wrong without showing any of it.
func describe(err error) string {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s (byte %d)", clean(syntax.Err.Error(), maxText), syntax.ByteOffset)
	}
	return clean(err.Error(), maxText)
}

// document is one JSON object: an envelope of some kind, a log entry, or
// something else. Its members are told apart by name; no two of these shapes
// share the ones that decide.
type document struct {
	entry

	specVersion, eventType, id text
	data, dataBase64, message  jsontext.Value
	messageID                  text
	incident                   jsontext.Value
	version, command, iapguard text
	raw                        jsontext.Value
	// elsewhere: it was left, for it is an entry of another service.
	elsewhere bool
}

// errElsewhere leaves an entry of a service that has no row in our table.
var errElsewhere = errors.New("an entry of another service")

// read reads the object that comes next.
func (d *document) read(r *reader) error {
	start := r.dec.InputOffset()
	r.hurry = r.hurry && r.dec.StackDepth() == 0 // a list is read to its end
	err := r.object(func(name []byte) error {
		switch string(name) {
		case "specversion":
			return r.text(&d.specVersion)
		case "type":
			return r.text(&d.eventType)
		case "id":
			return r.text(&d.id)
		case "data":
			return r.value(&d.data)
		case "data_base64":
			return r.value(&d.dataBase64)
		case "message":
			return r.value(&d.message)
		case "messageId", "message_id":
			return r.text(&d.messageID)
		case "incident":
			return r.value(&d.incident)
		case "version":
			return r.text(&d.version)
		case "command":
			return r.text(&d.command)
		case "iapguard":
			return r.text(&d.iapguard)
		}
		return d.member(r, name)
	})
	if errors.Is(err, errElsewhere) {
		r.leave()
		d.elsewhere = true
		return nil
	}
	d.raw = bytes.TrimLeft(r.body[start:r.dec.InputOffset()], ", \t\r\n")
	return err
}

// document decides what an object is.
func (p *parser) document(d *document) {
	switch {
	case d.elsewhere:
		p.add(Result{Ignored: OtherService, Why: "an entry of " + quote(d.payload.service.s)})
	case d.specVersion.s != "" && d.eventType.s != "":
		p.cloudEvent(d)
	case d.isEntry():
		p.add(p.classify(&d.entry))
	case kindOf(d.message) == '{':
		p.push(d.message)
	case kindOf(d.data) == '"' && d.messageID.s != "":
		p.push(d.raw) // a Pub/Sub message without its envelope
	case kindOf(d.incident) == '{':
		p.add(p.alert(d.version.s, d.incident))
	case d.iapguard.s != "":
		p.add(p.published(d.raw))
	case d.command.s != "" && !p.commands:
		p.ignore(NotALogEntry, "the command %s counts only on /commands", quote(d.command.s))
	case d.command.s != "":
		p.add(p.command(d.raw))
	default:
		p.ignore(NotALogEntry, "an object of no shape that is known here")
	}
}

// open reads what an envelope holds, unless envelopes are nested endlessly.
func (p *parser) open(eventID string, read func()) {
	if p.level++; p.level > maxEnvelopes {
		p.ignore(Unreadable, "more than %d envelopes one inside the other", maxEnvelopes)
		return
	}
	outer := p.eventID
	p.eventID = firstOf(outer, eventID)
	read()
	p.eventID = outer
	p.level--
}

// cloudEvent opens a CloudEvent in structured mode.
func (p *parser) cloudEvent(d *document) {
	p.open(d.id.s, func() {
		switch {
		case strings.HasPrefix(d.eventType.s, reportType):
			p.ignore(OwnReport, "a report that we published")
		case len(d.dataBase64) > 0:
			p.encoded(stringOf(d.dataBase64))
		case kindOf(d.data) == '"':
			p.body([]byte(stringOf(d.data)))
		case len(d.data) > 0:
			p.body(d.data)
		default:
			p.ignore(NotALogEntry, "a CloudEvent %s without data", quote(d.eventType.s))
		}
	})
}

// push opens a Pub/Sub message: {data, attributes, messageId, …}.
func (p *parser) push(message jsontext.Value) {
	var data jsontext.Value
	var id, eventType, eventID, published text
	r := newReader(message)
	defer r.release()
	err := r.object(func(name []byte) error {
		switch string(name) {
		case "data":
			return r.value(&data)
		case "messageId", "message_id":
			return r.text(&id)
		case "publishTime", "publish_time":
			return r.text(&published)
		case "attributes":
			return r.object(func(name []byte) error {
				switch string(name) {
				case "ce-type":
					return r.text(&eventType)
				case "ce-id":
					return r.text(&eventID)
				}
				return r.skip()
			})
		}
		return r.skip()
	})
	outer := p.publishTime
	if at, ok := parseTime(published.s); ok && outer.IsZero() {
		p.publishTime = at
	}
	p.open(firstOf(eventID.s, id.s), func() {
		switch {
		case err != nil:
			p.ignore(Unreadable, "not valid JSON: %s", describe(err))
		case strings.HasPrefix(eventType.s, reportType):
			p.ignore(OwnReport, "a report that we published")
		case kindOf(data) == '"' && len(data) > 2:
			p.encoded(stringOf(data))
		default:
			p.ignore(NotALogEntry, "a Pub/Sub message without data")
		}
	})
	p.publishTime = outer
}

// alphabet turns the URL-safe alphabet of base64 into the standard one.
var alphabet = strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "")

// encoded reads base64 in either alphabet, with or without padding.
func (p *parser) encoded(s string) {
	b, err := base64.RawStdEncoding.DecodeString(alphabet.Replace(strings.TrimRight(s, "=")))
	if err != nil {
		p.ignore(Unreadable, "the data of the envelope is not base64: %v", err)
		return
	}
	p.body(b)
}
