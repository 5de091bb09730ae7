package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/iapguard/iapguard/internal/safetext"
)

// body opens a delivered body. Its content decides what it is, not its headers:
// senders and proxies set content types as they please.
func (p *parser) body(b []byte) {
	b, err := plain(b)
	if err != nil {
		p.ignore(Unreadable, "%v", err)
		return
	}
	// White space is still there: the first byte of such a message is a newline.
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

// other reads a body that starts neither a JSON object nor an array.
func (p *parser) other(b []byte) {
	if text, ok := entryFromProtobuf(b); ok {
		p.json(text)
		return
	}
	if jsontext.Value(b).IsValid() {
		p.ignore(notALogEntry, "JSON, but neither an object nor a list: %s", Outline(b))
		return
	}
	p.ignore(Unreadable, "neither JSON nor a protobuf log entry: %s", Outline(b))
}

// json reads one JSON text, or several one after the other.
func (p *parser) json(b []byte) {
	if deeper(b, maxDepth) {
		p.ignore(Unreadable, "nested more than %d deep", maxDepth)
		return
	}
	r := newReader(b)
	defer r.release()
	r.skipForeign = p.skipForeign
	p.values(r)
}

// values reads the values of a text, and those of arrays, each object as a
// document.
func (p *parser) values(r *reader) {
	for {
		if len(p.results) >= maxEntries {
			p.ignore(Unreadable, "more than %d entries in one message", maxEntries)
			return
		}
		var err error
		switch r.dec.PeekKind() {
		case '[', ']', '}': // the decoder has the best words for the last, an error
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
			p.ignore(notALogEntry, "an element of a list is not an object")
		}
		if err != nil {
			p.ignore(Unreadable, "not valid JSON: %s", describe(err))
			return
		}
	}
}

// describe returns the position of a syntax error without showing any of the text.
func describe(err error) string {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s (byte %d)", safetext.Escape(syntax.Err.Error(), maxText), syntax.ByteOffset)
	}
	return safetext.Escape(err.Error(), maxText)
}

// document is one JSON object: an envelope of some kind, a log entry, or
// something else. Its members decide which; no two of these shapes have
// the same ones.
type document struct {
	entry
	open

	// a CloudEvent in structured mode
	SpecVersion text `json:"specversion"`
	EventType   text `json:"type"`
	ID          text `json:"id"`
	Data        raw  `json:"data"` // also of an unwrapped Pub/Sub message
	DataBase64  raw  `json:"data_base64"`

	Message   raw  `json:"message"`               // of a push
	MessageID text `json:"messageId,case:ignore"` // or message_id: of a Pub/Sub message
	Incident  raw  `json:"incident"`              // of a notification of Cloud Monitoring
	Version   text `json:"version"`
	Command   text `json:"command"`
	IAPGuard  text `json:"iapguard"` // of a heartbeat
	Finding   raw  `json:"finding"`  // of a notification of Security Command Center
	Asset     raw  `json:"asset"`    // of a feed of Cloud Asset Inventory

	raw raw // the object itself
	// foreign: an entry of another service, left before its end.
	foreign bool
}

// read reads the object that comes next.
func (d *document) read(r *reader) error {
	start := r.dec.InputOffset()
	r.skipForeign = r.skipForeign && r.dec.StackDepth() == 0 // a list is read to its end
	d.ProtoPayload.ServiceName.skipForeign = r.skipForeign
	err := json.UnmarshalDecode(r.dec, d)
	if errors.Is(err, errForeign) {
		r.leave()
		d.foreign = true
		return nil
	}
	d.raw = bytes.TrimLeft(r.body[start:r.dec.InputOffset()], ", \t\r\n")
	if err != nil || !d.misspelled() {
		return err
	}
	original := d.raw
	*d = document{}
	d.ProtoPayload.ServiceName.skipForeign = r.skipForeign
	err = decode(respelled(jsontext.Value(original), respelledDepth), d)
	d.raw = original
	if d.foreign = errors.Is(err, errForeign); d.foreign {
		return nil
	}
	return err
}

// document reads an object according to its members.
func (p *parser) document(d *document) {
	switch {
	case d.foreign:
		p.add(Result{Ignored: otherService, Why: "an entry of " + quote(d.ProtoPayload.ServiceName.s)})
	case d.SpecVersion.s != "" && d.EventType.s != "":
		p.cloudEvent(d)
	case d.isEntry():
		p.add(p.classify(&d.entry))
	case d.Message.kind() == '{':
		p.push(d.Message)
	case d.Data.kind() == '"' && d.MessageID.s != "":
		p.push(d.raw) // a Pub/Sub message without its envelope
	case d.Incident.kind() == '{':
		p.add(p.alert(d.Version.s, d.Incident))
	case d.Finding.kind() == '{':
		p.add(p.finding(d.Finding))
	case d.Asset.kind() == '{':
		p.add(p.asset(d.raw))
	case d.IAPGuard.s != "":
		p.add(p.publishedHeartbeat(d.raw))
	case d.Command.s != "" && !p.commands:
		p.ignore(notALogEntry, "the command %s counts only on /commands", quote(d.Command.s))
	case d.Command.s != "":
		p.add(p.command(d.raw))
	default:
		p.ignore(notALogEntry, "%s", d.form())
	}
}

// open reads the content of an envelope, unless envelopes are nested too deep.
func (p *parser) open(eventID string, read func()) {
	if p.level++; p.level > maxEnvelopes {
		p.ignore(Unreadable, "more than %d envelopes inside each other", maxEnvelopes)
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
	p.open(d.ID.s, func() {
		switch {
		case strings.HasPrefix(d.EventType.s, reportType):
			p.ignore(ownReport, "a report that we published")
		case len(d.DataBase64) > 0:
			p.encoded(d.DataBase64.text())
		case d.Data.kind() == '"':
			p.body(unquoted(jsontext.Value(d.Data)))
		case len(d.Data) > 0:
			p.body(d.Data)
		default:
			p.ignore(notALogEntry, "a CloudEvent %s without data", quote(d.EventType.s))
		}
	})
}

// pubsubMessage is a PubsubMessage. Source:
// pubsub/docs/reference/rest/v1/PubsubMessage.
type pubsubMessage struct {
	object
	Data        raw        `json:"data"`
	MessageID   text       `json:"messageId,case:ignore"`   // or message_id
	PublishTime text       `json:"publishTime,case:ignore"` // or publish_time
	Attributes  attributes `json:"attributes"`
}

// attributes are a message's CloudEvents attributes.
type attributes struct {
	object
	EventType text `json:"ce-type"`
	EventID   text `json:"ce-id"`
}

// push opens a Pub/Sub message.
func (p *parser) push(message raw) {
	var m pubsubMessage
	err := decode(message, &m)
	outer := p.publishTime
	if at, ok := parseTime(m.PublishTime.s); ok && outer.IsZero() {
		p.publishTime = at
	}
	p.open(firstOf(m.Attributes.EventID.s, m.MessageID.s), func() {
		switch {
		case err != nil:
			p.ignore(Unreadable, "not valid JSON: %s", describe(err))
		case strings.HasPrefix(m.Attributes.EventType.s, reportType):
			p.ignore(ownReport, "a report that we published")
		case m.Data.kind() == '"' && len(m.Data) > 2:
			p.encoded(m.Data.text())
		default:
			p.ignore(notALogEntry, "a Pub/Sub message without data")
		}
	})
	p.publishTime = outer
}

// alphabet translates the URL-safe alphabet of base64 into the standard one.
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
