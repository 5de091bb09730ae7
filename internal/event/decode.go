package event

import (
	"bytes"
	"errors"
	"iter"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// reader decodes the values of a JSON text that is in memory completely.
type reader struct {
	dec         *jsontext.Decoder
	buf         *bytes.Buffer
	body        []byte
	skipForeign bool // see parser
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
	r.dec.Reset(r.buf, decoding)
}

// leave continues after the outermost value that is being read.
func (r *reader) leave() {
	rest := r.body[r.dec.InputOffset():]
	r.start(rest[closing(rest, r.dec.StackDepth()):])
}

// release returns the reader to the pool. What was read stays valid.
func (r *reader) release() {
	*r.buf = bytes.Buffer{}
	r.body, r.skipForeign = nil, false
	readers.Put(r)
}

// decode reads the first value of a text into a struct.
func decode(b []byte, into any) error {
	r := newReader(b)
	defer r.release()
	return json.UnmarshalDecode(r.dec, into)
}

// decoding makes the decoder as tolerant as real entries need. Repeated names
// are judged where they matter, see text. Invalid UTF-8 occurs in garbled
// fingerprints. A struct that embeds object accepts values of any type.
var decoding = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	// One function for the interface type would do the same. It would convert each
	// struct to the interface, which took an eighth of the time of Parse.
	json.WithUnmarshalers(json.JoinUnmarshalers(
		tolerant[*document](), tolerant[*auditLog](), tolerant[*jsonPayload](), tolerant[*httpRequest](),
		tolerant[*monitored](), tolerant[*labels](), tolerant[*operation](), tolerant[*split](),
		tolerant[*status](), tolerant[*authenticationInfo](), tolerant[*requestMetadata](),
		tolerant[*requestAttributes](), tolerant[*resourceLocation](),
		tolerant[*callRequest](), tolerant[*requestedService](), tolerant[*named](), tolerant[*domainMapping](),
		tolerant[*route](), tolerant[*policy](), tolerant[*binding](), tolerant[*permission](),
		tolerant[*callResponse](), tolerant[*responseMetadata](), tolerant[*responseLabels](),
		tolerant[*serviceData](), tolerant[*policyDelta](),
		tolerant[*pubsubMessage](), tolerant[*attributes](), tolerant[*incident](), tolerant[*sccFinding](),
		tolerant[*temporalAsset](), tolerant[*changedAsset](), tolerant[*assetWindow](),
		tolerant[*commandMessage](), tolerant[*heartbeatMessage](),
		tolerant[*writeRequest](), tolerant[*writtenIAP](), tolerant[*writtenRun](), tolerant[*writtenMeta](),
		tolerant[*writtenAnnotations](), tolerant[*writtenPolicy](), tolerant[*writtenBinding](),
		tolerant[*writtenCondition](), tolerant[*maskMessage](),
	)),
)

// tolerant decodes a struct from an object and skips any other value.
func tolerant[T interface{ seen() }]() *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v T) error {
		if dec.PeekKind() == '{' {
			v.seen()
			return errors.ErrUnsupported // the decoder then decodes the struct as usual
		}
		return skip(dec)
	})
}

// object is embedded by the structs that stand for JSON objects, which decoding
// lists. Exports hold strings ("...") where objects belong; such a value leaves the
// struct empty and costs nothing else.
type object struct {
	Present bool `json:"-"` // there was an object
}

func (o *object) seen() { o.Present = true }

// open is an object that keeps its unknown members.
type open struct {
	object
	Unknown jsontext.Value `json:",embed"`
}

// text is a string. A number becomes its digits, since exporters turn one into
// the other; any other value leaves it empty.
type text struct {
	s string
	// twice: the same name occurs in one object with different values.
	twice bool
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind := dec.PeekKind()
	v, err := dec.ReadValue()
	if err != nil || kind != '"' && kind != '0' {
		return err
	}
	b := []byte(v)
	if kind == '"' {
		b = unquoted(v)
	}
	switch {
	case t.s == "":
		t.s = string(b)
	case t.s != string(b):
		t.twice = true
	}
	return nil
}

// flag is true, or "true" as a string.
type flag bool

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (f *flag) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	*f = string(v) == "true" || string(v) == `"true"`
	return err
}

// raw is a value as it stands in the text that was read, without a copy. Large
// members that few entries need are kept like this and decoded on demand.
type raw jsontext.Value

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (v *raw) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	*v = raw(value)
	return err
}

func (v raw) kind() jsontext.Kind {
	if len(v) == 0 {
		return jsontext.KindInvalid
	}
	return jsontext.Value(v).Kind()
}

// text is the content of a JSON string.
func (v raw) text() string { return string(unquoted(jsontext.Value(v))) }

func skip(dec *jsontext.Decoder) error {
	_, err := dec.ReadValue() // much faster than SkipValue, which reads token by token
	return err
}

// elements calls visit for each element of the array that comes next, without
// keeping any: a hostile list can be long. It skips what is not an array.
func elements(dec *jsontext.Decoder, visit func() error) error {
	if dec.PeekKind() != '[' {
		return skip(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for {
		switch dec.PeekKind() {
		case ']', jsontext.KindInvalid:
			_, err := dec.ReadToken()
			return err
		}
		if err := visit(); err != nil {
			return err
		}
	}
}

// members iterates over the names and values of a JSON object that is valid.
func members(v jsontext.Value) iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		if len(v) == 0 || v.Kind() != '{' {
			return
		}
		r := newReader(v)
		defer r.release()
		if _, err := r.dec.ReadToken(); err != nil {
			return
		}
		for r.dec.PeekKind() == '"' {
			quoted, err := r.dec.ReadValue()
			if err != nil {
				return
			}
			name := string(unquoted(quoted))
			value, err := r.dec.ReadValue()
			if err != nil || !yield(name, value) {
				return
			}
		}
	}
}

// firstMember is the name of an object's first member, false when it has none.
func firstMember(v jsontext.Value) (string, bool) {
	for name := range members(v) {
		return name, true
	}
	return "", false
}

// unquoted is the content of a JSON string, without copying where it can.
func unquoted(v jsontext.Value) []byte {
	if len(v) >= 2 && bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, v) // replaces invalid UTF-8, and reports it
	return b
}

// deeper reports whether a JSON text is nested more than limit deep. Brackets
// inside strings do not count.
func deeper(b []byte, limit int) bool {
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) <= limit {
		return false // as in nearly all entries, and found in a twentieth of the time
	}
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

// closing is the index after the bracket that closes the outermost of the open
// ones, or len(b). Brackets inside strings do not count.
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
