// Command generate writes what the local cloud serves of Google's discovery
// documents into package schema: trimmed, without prose, one message a line.
//
// The documents are those of module google.golang.org/api, in the version that
// this module requires. What is served is in served.go.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: generate FOLDER")
	}
	source, err := sourceFolder()
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range served {
		text, err := d.generate(source)
		if err != nil {
			log.Fatalf("generating %s: %v", d.Name, err)
		}
		if err := os.WriteFile(filepath.Join(os.Args[1], d.file()), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// sourceFolder is where module google.golang.org/api lies.
func sourceFolder() (string, error) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		return "", fmt.Errorf("finding module google.golang.org/api: %w", err)
	}
	return strings.TrimSpace(string(folder)), nil
}

// file is the name of the document in package schema.
func (d document) file() string { return strings.ReplaceAll(d.Name, "/", "_") + ".json" }

// generate is the trimmed document.
func (d document) generate(source string) ([]byte, error) {
	api, version, _ := strings.Cut(d.Name, "/")
	text, err := os.ReadFile(filepath.Join(source, api, version, api+"-api.json"))
	if err != nil {
		return nil, err
	}
	var from discovery
	if err := json.Unmarshal(text, &from); err != nil {
		return nil, err
	}
	t := trimmer{document: d, from: from, messages: map[string]message{}, inlined: map[string]string{}}
	methods := map[string]method{}
	t.collect(from.Resources, methods)
	for _, prefix := range d.Methods {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(methods)), func(id string) bool { return strings.HasPrefix(id, prefix) }) {
			return nil, fmt.Errorf("no method begins with %q", prefix)
		}
	}
	if err := t.nameEnums(); err != nil {
		return nil, err
	}
	if err := t.markPresent(); err != nil {
		return nil, err
	}
	return render(head{
		Name: d.Name, Revision: from.Revision, Package: d.Package, Legacy: d.Legacy, Proto3: d.Proto3, Roots: d.Roots,
	}, methods, t.messages)
}

// discovery is what is read of a discovery document.
type discovery struct {
	Revision    string
	ServicePath string
	Resources   map[string]resource
	Schemas     map[string]property
}

type resource struct {
	Methods   map[string]discoveryMethod
	Resources map[string]resource
}

type discoveryMethod struct {
	ID, HTTPMethod, Path, FlatPath string
	Parameters                     map[string]property
	Request, Response              struct {
		Ref string `json:"$ref"`
	}
	MediaUpload struct {
		Protocols map[string]struct{ Path string }
	}
	SupportsMediaDownload bool
}

type property struct {
	Type, Format, Description, Location string
	Ref                                 string `json:"$ref"`
	Enum                                []string
	Items, AdditionalProperties         *property
	Properties                          map[string]property
	ReadOnly, Required, Repeated        bool
}

// head and what follows are the form that package schema reads.
type head struct {
	Name     string            `json:"name"`
	Revision string            `json:"revision"`
	Package  string            `json:"package,omitempty"`
	Legacy   bool              `json:"legacy,omitempty"`
	Proto3   bool              `json:"proto3,omitempty"`
	Roots    map[string]string `json:"roots,omitempty"`
}

type method struct {
	Verb       string               `json:"verb"`
	Path       string               `json:"path"`
	Request    string               `json:"request,omitempty"`
	Response   string               `json:"response,omitempty"`
	Upload     string               `json:"upload,omitempty"`
	Download   bool                 `json:"download,omitempty"`
	Parameters map[string]parameter `json:"parameters,omitempty"`
}

type parameter struct {
	Type     string   `json:"type"`
	Format   string   `json:"format,omitempty"`
	Required bool     `json:"required,omitempty"`
	Repeated bool     `json:"repeated,omitempty"`
	Enum     []string `json:"enum,omitempty"`
}

type message struct {
	Fields map[string]field `json:"fields,omitempty"`
	Values *field           `json:"values,omitempty"`
}

type field struct {
	Type      string   `json:"type,omitempty"`
	Format    string   `json:"format,omitempty"`
	Ref       string   `json:"ref,omitempty"`
	Repeated  bool     `json:"repeated,omitempty"`
	Map       bool     `json:"map,omitempty"`
	ReadOnly  bool     `json:"readOnly,omitempty"`
	Required  bool     `json:"required,omitempty"`
	Immutable bool     `json:"immutable,omitempty"`
	Path      bool     `json:"path,omitempty"`
	Present   bool     `json:"present,omitempty"`
	EnumType  string   `json:"enumType,omitempty"`
	Enum      []string `json:"enum,omitempty"`
	Numbers   []int    `json:"numbers,omitempty"`
}

// trimmer follows what is served through a document.
type trimmer struct {
	document
	from     discovery
	messages map[string]message
	inlined  map[string]string // names by content
}

// render writes the document with one method or message a line, in order, so
// that a new version of Google's document is a readable difference.
func render(h head, methods map[string]method, messages map[string]message) ([]byte, error) {
	var b bytes.Buffer
	text, err := compact(h)
	if err != nil {
		return nil, err
	}
	b.Write(bytes.TrimSuffix(text, []byte("}")))
	b.WriteString(",\n\"methods\":{\n")
	if err := lines(&b, methods); err != nil {
		return nil, err
	}
	b.WriteString("},\n\"messages\":{\n")
	if err := lines(&b, messages); err != nil {
		return nil, err
	}
	b.WriteString("}}\n")
	return b.Bytes(), nil
}

func lines[T any](b *bytes.Buffer, entries map[string]T) error {
	for i, name := range slices.Sorted(maps.Keys(entries)) {
		if i > 0 {
			b.WriteString(",\n")
		}
		text, err := compact(entries[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%q:%s", name, text)
	}
	b.WriteString("\n")
	return nil
}

func compact(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(b.Bytes()), err
}
