package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"golang.org/x/text/encoding/unicode"
)

// lines reads a text and describes each result: its line, its service, its reason.
func lines(t testing.TB, text string) []string {
	t.Helper()
	var got []string
	err := Read(strings.NewReader(text), Self{}, func(line int, r Result) error {
		got = append(got, fmt.Sprintf("%d %s%s", line, r.Seen.Service, r.Ignored))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// asYAML writes JSON as YAML, as gcloud does.
func asYAML(t *testing.T, text string) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	doc, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestReadAcceptsEveryFormat(t *testing.T) {
	var flat bytes.Buffer
	compactInto(&flat, deploy)
	row := flat.String()
	doc := asYAML(t, deploy)
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(row + "\r\n" + row + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	bare, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String(row)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(row, `"hello"`, `"hel`, 1)
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"white space", " \n\n", nil},
		{"an empty list", "[]\n", nil},
		{"one object", row, []string{"1 hello"}},
		{"one indented object", "\n" + deploy, []string{"2 hello"}},
		{"a list", "[\n" + row + ",\n" + row + "\n]\n", []string{"2 hello", "3 hello"}},
		{"an object a line", row + "\n" + row + "\n", []string{"1 hello", "2 hello"}},
		{"empty lines between, CRLF", row + "\r\n\r\n" + row, []string{"1 hello", "3 hello"}},
		{"indented objects one after the other", deploy + "\n" + deploy,
			[]string{"1 hello", fmt.Sprintf("%d hello", strings.Count(deploy, "\n")+2)}},
		{"on one line", row + row, []string{"1 hello", "1 hello"}},
		{"YAML", string(doc), []string{"1 hello"}},
		{"YAML documents", "---\n" + string(doc) + "---\n" + string(doc),
			[]string{"2 hello", fmt.Sprintf("%d hello", strings.Count(string(doc), "\n")+3)}},
		{"a list in YAML", "- insertId: a\n- insertId: b\n", []string{"1 other-service", "1 other-service"}},
		{"UTF-8 with BOM", "\ufeff" + row, []string{"1 hello"}},
		{"UTF-16 with BOM", utf16, []string{"1 hello", "2 hello"}},
		{"UTF-16 without BOM", bare, []string{"1 hello"}},
		{"gzip", string(gzipped(t, []byte(row+"\n"+row))), []string{"1 hello", "2 hello"}},
		{"a line cut within a string", broken[:len(broken)/2] + "\n" + row, []string{"1 unreadable", "2 hello"}},
		{"a line cut within an object", row[:len(row)-1] + "\n" + row, []string{"1 unreadable", "2 hello"}},
		{"a line of text between", row + "\nWARNING: hello\n" + row, []string{"1 hello", "2 unreadable", "3 hello"}},
		{"a list that is cut off", "[" + row + ",\n", []string{"1 hello", "2 unreadable"}},
		{"an object that is cut off", row + "\n" + row[:100], []string{"1 hello", "2 unreadable"}},
		{"brackets and quotes within strings", `{"insertId":"a}]\"{["}` + "\n" + row, []string{"1 other-service", "2 hello"}},
		{"plain text", "hello\n", []string{"1 unreadable"}},
		{"YAML with aliases", "a: &x [1]\nb: *x\n---\n" + string(doc), []string{"1 unreadable", "4 hello"}},
		{"YAML nested deep", "a: " + strings.Repeat("[", 100000) + "\n---\n" + string(doc),
			[]string{"1 unreadable", "3 hello"}},
		{"YAML of many hyphens", strings.Repeat("- ", 100000) + "a\n---\n" + string(doc),
			[]string{"1 unreadable", "3 hello"}},
		{"a YAML document that is too large", "a: " + strings.Repeat("x", maxYAML) + "\n---\n" + string(doc),
			[]string{"1 unreadable", "3 hello"}},
		{"an entry that is too large", `{"a":"` + strings.Repeat("x", MaxBody+100) + "\"}\n" + row,
			[]string{"1 unreadable", "2 hello"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lines(t, tc.text)); diff != "" {
				t.Errorf("%s", diff)
			}
		})
	}
}

// compactInto writes a JSON text on one line.
func compactInto(b *bytes.Buffer, text string) {
	for _, line := range strings.Split(text, "\n") {
		b.WriteString(strings.TrimSpace(line))
	}
}

func TestYAMLGivesTheSameCauseAsJSON(t *testing.T) {
	doc := asYAML(t, deploy)
	var got []Result
	if err := Read(bytes.NewReader(doc), Self{},
		func(_ int, r Result) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Result{one(t, []byte(deploy), Self{})}, got); diff != "" {
		t.Error(diff)
	}
}

// endless gives a start and then one piece for ever, or n times.
type endless struct {
	rest  string
	piece string
	n     int
}

func (e *endless) Read(b []byte) (int, error) {
	for e.rest == "" {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = e.piece
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestEndlessEntriesAreRefusedAtOnce(t *testing.T) {
	stop := errors.New("stop")
	for name, start := range map[string]string{"a string": `{"a":"`, "an object": `{"a":1`, "YAML": "a: b"} {
		err := Read(&endless{rest: start, piece: strings.Repeat(" ", 1<<10), n: -1}, Self{}, func(_ int, r Result) error {
			if r.Ignored != Unreadable {
				t.Errorf("%s: ignored %q, want %q", name, r.Ignored, Unreadable)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Errorf("%s: %v, want the error of the caller", name, err)
		}
	}
}

func TestListsAreReadInConstantMemory(t *testing.T) {
	var row bytes.Buffer
	compactInto(&row, deploy)
	const entries = 20_000
	in := &endless{rest: "[", piece: row.String() + ",\n", n: entries}
	var most uint64
	n := 0
	err := Read(in, Self{}, func(int, Result) error {
		if n++; n%10_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	})
	if err != nil || n != entries+1 { // and one that says that the list is not closed
		t.Fatalf("%d entries, %v; want %d", n, err, entries+1)
	}
	if limit := uint64(12 << 20); most > limit {
		t.Errorf("%d bytes in use while reading %d, want at most %d", most, entries*row.Len(), limit)
	}
}

func TestReadGivesTheReadersError(t *testing.T) {
	broken := errors.New("cable cut")
	err := Read(io.MultiReader(strings.NewReader(deploy+"\n{"), failing{broken}), Self{},
		func(int, Result) error { return nil })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
