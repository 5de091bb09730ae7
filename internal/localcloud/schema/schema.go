package schema

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed *.json
var documents embed.FS

// API is one version of one Google API, as far as it is served.
type API struct {
	// Name is the API and its version: "run/v2".
	Name string
	// Revision is the date of Google's document, e.g. "20261023".
	Revision string

	pkg      string // protobuf package
	legacy   bool
	proto3   bool // zero is absent
	roots    map[string]string
	methods  entries[Method]
	messages entries[Message]

	sorting sync.Once
	below   map[string][]string // ids of methods, by the ids without their last words; "" = all
}

// Method is one method of an API.
type Method struct {
	// ID is the method's id: "run.projects.locations.services.create".
	ID string
	// Verb is the HTTP method, Path the URL's path without leading slash:
	// "v2/projects/{projectsId}/locations/{locationsId}/services".
	Verb, Path string
	// Request and Response are messages; "" means that there is no body.
	Request, Response string
	// Upload is the path that takes media, "" if none does. Download says
	// that alt=media answers media.
	Upload   string
	Download bool
	// Parameters are the query parameters of this method. Those that every
	// method takes (alt, fields, prettyPrint and so on) are not among them.
	Parameters map[string]Parameter
}

// Parameter is a query parameter.
type Parameter struct {
	Type, Format       string
	Required, Repeated bool
	Enum               []string
}

// Message is one message: an object with Fields, or, where Values is not nil,
// one with any keys.
type Message struct {
	Name   string
	Fields map[string]*Field
	Values *Field

	snake map[string]string // protobuf's names of fields to JSON's
}

// Field is one field of a message.
type Field struct {
	// Name is the JSON name.
	Name string
	// Type is JSON's: string, integer, number, boolean, object or any; of
	// each value, where the field is Repeated or a Map. int64 are strings.
	Type string
	// Format narrows Type: int32, int64, uint64, byte, google-duration, …
	Format string
	// Ref is the message of an object.
	Ref string
	// Repeated and Map say that the field is a list, or an object with any keys.
	Repeated, Map bool
	// ReadOnly, Required and Immutable come from Google's flags and from what
	// the descriptions begin with.
	ReadOnly, Required, Immutable bool
	// Path says that the URL's path binds the field of a request. A client may
	// repeat it in the body.
	Path bool
	// Present says that a zero that was sent is not the same as none.
	Present bool
	// Enum are the values of an enum, EnumType its full protobuf name.
	Enum     []string
	EnumType string
	// Numbers are the numbers of Enum; nil: 0, 1, 2 and so on (unverified
	// for enums that are not in Google's public .proto files).
	Numbers []int
}

var (
	decoded   = map[string]*API{}
	decodedMu sync.Mutex
)

// Of returns an API by name: "run/v2". It decodes the document at the first
// call. A name that is not served is a programming error and panics.
func Of(document string) *API {
	decodedMu.Lock()
	defer decodedMu.Unlock()
	if a := decoded[document]; a != nil {
		return a
	}
	a, err := decode(document)
	if err != nil {
		panic(fmt.Sprintf("schema: decoding the document of %q: %v", document, err))
	}
	decoded[document] = a
	return a
}

// Served reports whether there is a document of this name.
func Served(document string) bool {
	_, err := documents.Open(file(document))
	return err == nil
}

// Documents are the names of all documents, in order.
func Documents() []string {
	entries, err := documents.ReadDir(".")
	if err != nil {
		panic(err) // embedded
	}
	var names []string
	for _, entry := range entries {
		names = append(names, strings.Replace(strings.TrimSuffix(entry.Name(), ".json"), "_", "/", 1))
	}
	return names
}

func file(document string) string { return strings.Replace(document, "/", "_", 1) + ".json" }

// decode reads the head of a document and finds its methods and messages,
// which are one a line. Each is decoded when it is first asked for, so that the
// first call of an API does not wait for all of it.
func decode(document string) (*API, error) {
	text, err := documents.ReadFile(file(document))
	if err != nil {
		return nil, err
	}
	head, rest, found := bytes.Cut(text, []byte(",\n\"methods\":{\n"))
	methods, messages, found2 := bytes.Cut(rest, []byte("},\n\"messages\":{\n"))
	if !found || !found2 {
		return nil, errors.New("not a document of command generate")
	}
	var from struct {
		Name, Revision, Package string
		Legacy, Proto3          bool
		Roots                   map[string]string
	}
	if err := json.Unmarshal(append(bytes.Clone(head), '}'), &from); err != nil {
		return nil, err
	}
	a := &API{Name: from.Name, Revision: from.Revision, pkg: from.Package, legacy: from.Legacy, proto3: from.Proto3, roots: from.Roots}
	a.methods.read(methods, func(id string, m *Method) { m.ID = id })
	a.messages.read(messages, finish)
	return a, nil
}

// finish completes a message that was decoded.
func finish(name string, m *Message) {
	m.Name, m.snake = name, make(map[string]string, len(m.Fields))
	for name, f := range m.Fields {
		f.Name = name
		m.snake[snake(name)] = name
	}
}

// entries are named values in a document, decoded when they are asked for.
type entries[T any] struct {
	raw     map[string][]byte
	finish  func(name string, value *T)
	decoded sync.Map // *T by name
}

func (e *entries[T]) read(lines []byte, finish func(string, *T)) {
	e.raw, e.finish = map[string][]byte{}, finish
	for line := range bytes.Lines(lines) {
		if name, value, ok := bytes.Cut(bytes.TrimPrefix(line, []byte{'"'}), []byte("\":")); ok {
			e.raw[string(name)] = bytes.TrimSuffix(bytes.TrimSpace(value), []byte{','})
		}
	}
}

// names are the names of all entries, in order.
func (e *entries[T]) names() []string { return slices.Sorted(maps.Keys(e.raw)) }

// get returns the entry with a name, or nil.
func (e *entries[T]) get(name string) *T {
	if value, ok := e.decoded.Load(name); ok {
		return value.(*T)
	}
	raw, ok := e.raw[name]
	if !ok {
		return nil
	}
	value := new(T)
	if err := json.Unmarshal(raw, value); err != nil {
		panic(fmt.Sprintf("schema: decoding %q: %v", name, err)) // embedded
	}
	e.finish(name, value)
	first, _ := e.decoded.LoadOrStore(name, value)
	return first.(*T)
}

// Methods are the methods of a resource, in the order of their ids: those
// named prefix + "." + one more word. The prefix "" gives all methods.
func (a *API) Methods(prefix string) []Method {
	a.sorting.Do(func() {
		a.below = map[string][]string{}
		for _, id := range a.methods.names() {
			a.below[""] = append(a.below[""], id)
			if dot := strings.LastIndexByte(id, '.'); dot > 0 {
				a.below[id[:dot]] = append(a.below[id[:dot]], id)
			}
		}
	})
	var all []Method
	for _, id := range a.below[prefix] {
		all = append(all, *a.methods.get(id))
	}
	return all
}

// Method returns the method with an id.
func (a *API) Method(id string) (Method, bool) {
	m := a.methods.get(id)
	if m == nil {
		return Method{}, false
	}
	return *m, true
}

// Message returns a message by name, or nil.
func (a *API) Message(name string) *Message { return a.messages.get(name) }

// Typed returns the message that an Any of a type holds
// ("type.googleapis.com/google.cloud.run.v2.Service"), or nil when the API
// serves no such message.
func (a *API) Typed(typeURL string) *Message {
	name := typeURL[strings.LastIndexByte(typeURL, '/')+1:]
	if m := a.messages.get(name); m != nil {
		return m
	}
	short, ok := strings.CutPrefix(name, a.pkg+".")
	if !ok {
		return nil
	}
	if m := a.messages.get(short); m != nil {
		return m
	}
	return a.messages.get(prefixOf(a.pkg) + short)
}
