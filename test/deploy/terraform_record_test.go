package deploy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var record = flag.Bool("record", false, "keep what Terraform's Google provider sends, for machines without it")

// verbs are what is done with a resource, in the order of the table.
var verbs = []string{"create", "read", "plan clean", "update", "delete"}

// recording is what the provider sent to a local cloud, and what came of it.
type recording struct {
	Recorded  string              `json:"recorded"` // a date
	Did       map[string][]string `json:"did"`      // steps by resource type
	Exchanges []exchange          `json:"-"`
}

// exchange is one request, and of its answer what mattered. Plan says that the provider
// compared Answer with the configuration, and planned no change.
type exchange struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Body   json.RawMessage   `json:"body,omitempty"`
	Status int               `json:"status"`
	Plan   bool              `json:"plan,omitempty"`
	Answer any               `json:"answer,omitempty"`
	Later  map[string]string `json:"later,omitempty"` // values that later requests repeat, by place
}

// recorder stands before a local cloud and does Terraform's steps.
type recorder struct {
	t      *testing.T
	name   string
	server *httptest.Server
	run    func(...string) (string, error)

	mu        sync.Mutex
	plan      bool
	seen      map[string]bool // requests of this plan
	exchanges []exchange
	did       map[string]map[string]bool
}

// startRecorder returns a recorder before a cloud, which keeps what it saw if -record asks
// for it. Its results are printed at the end of the test.
func startRecorder(t *testing.T, name, cloud string) *recorder {
	t.Helper()
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, name: name, seen: map[string]bool{}, did: map[string]map[string]bool{}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, asked *http.Request) {
		body, err := io.ReadAll(asked.Body)
		if err != nil {
			t.Errorf("reading what the provider sends: %v", err)
		}
		asked.Body, asked.Host = io.NopCloser(bytes.NewReader(body)), target.Host
		asked.Header.Set("Accept-Encoding", "identity")
		answered := httptest.NewRecorder()
		proxy.ServeHTTP(answered, asked)
		r.keep(asked, body, answered)
		maps.Copy(w.Header(), answered.Header())
		w.WriteHeader(answered.Code)
		_, _ = w.Write(answered.Body.Bytes()) // the provider is gone
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *recorder) keep(asked *http.Request, body []byte, answered *httptest.ResponseRecorder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run == nil {
		return // iapguard local env asks whether there is a cloud
	}
	// The port is another one each time.
	body = bytes.ReplaceAll(body, []byte(strings.TrimPrefix(r.server.URL, "http://")), []byte("127.0.0.1:0"))
	sent := asked.Method + asked.URL.RequestURI() + string(body)
	if r.plan && r.seen[sent] {
		return // each member of a policy has the whole policy read
	}
	r.seen[sent] = true
	kept := exchange{Method: asked.Method, Path: asked.URL.RequestURI(), Status: answered.Code, Plan: r.plan, Body: body}
	if len(body) > 0 && !json.Valid(body) {
		kept.Body, _ = json.Marshal(string(body)) // a text
	}
	_ = json.Unmarshal(answered.Body.Bytes(), &kept.Answer) // some answers have no body
	r.exchanges = append(r.exchanges, kept)
}

// printed is a line of Terraform's -json output.
type printed struct {
	Type  string
	Level string `json:"@level"`
	Hook  struct {
		Resource resource
		Action   string
	}
	Change struct{ Resource resource }
}

type resource struct {
	Addr string
	Type string `json:"resource_type"`
}

// step runs a command of Terraform and notes what it did. A plan must be without changes.
func (r *recorder) step(command string, arguments ...string) {
	r.t.Helper()
	r.mu.Lock()
	r.plan, r.seen = command == "plan", map[string]bool{}
	r.mu.Unlock()
	out, err := r.run(append([]string{command, "-json", "-input=false"}, arguments...)...)
	changes, problems := map[string]bool{}, []string{}
	for line := range strings.Lines(out) {
		var seen printed
		if json.Unmarshal([]byte(line), &seen) != nil {
			continue
		}
		if seen.Level == "error" {
			problems = append(problems, line)
		}
		switch of := seen.Hook.Resource; {
		case strings.Contains(of.Addr, "data."):
		case seen.Type == "apply_complete":
			r.note(of.Type, seen.Hook.Action)
		case seen.Type == "refresh_complete":
			r.note(of.Type, "read")
		case seen.Type == "planned_change" && command == "plan":
			changes[seen.Change.Resource.Type] = true
			problems = append(problems, line)
		}
	}
	if err != nil || len(problems) > 0 {
		r.t.Fatalf("terraform %s %s: %v\n%s", command, strings.Join(arguments, " "), err, strings.Join(problems, ""))
	}
	if command == "plan" {
		for of := range r.did {
			if !changes[of] {
				r.note(of, "plan clean")
			}
		}
	}
}

func (r *recorder) note(of, step string) {
	if r.did[of] == nil {
		r.did[of] = map[string]bool{}
	}
	r.did[of][step] = true
}

// What is kept of a recording: the types of resources with what was done with them, or also all
// that the provider sent.
const (
	keepTypes = false
	keepAll   = true
)

// finish prints the table, and keeps the recording if that was asked for.
func (r *recorder) finish(exchanges bool) {
	r.t.Helper()
	made := recording{Recorded: time.Now().UTC().Format(time.DateOnly), Did: map[string][]string{}}
	if exchanges {
		made.Exchanges = pruned(r.exchanges)
	}
	for of, did := range r.did {
		made.Did[of] = slices.DeleteFunc(slices.Clone(verbs), func(step string) bool { return !did[step] })
	}
	made.table(r.t)
	if *record {
		made.write(r.t, filepath.Join("testdata", "terraform", r.name+map[bool]string{keepTypes: ".json", keepAll: ".jsonl"}[exchanges]))
	}
}

// table prints what was done with each type of resource. Each must have been created, read,
// planned without a change and deleted.
func (made recording) table(t *testing.T) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%-60s %s\n", "resource type", strings.Join(verbs, "  "))
	for _, of := range slices.Sorted(maps.Keys(made.Did)) {
		fmt.Fprintf(&text, "%-60s", of)
		for _, step := range verbs {
			mark := "–"
			if slices.Contains(made.Did[of], step) {
				mark = "✓"
			} else if step != "update" {
				t.Errorf("%s: no %s", of, step)
			}
			fmt.Fprintf(&text, " %-*s ", len(step), mark)
		}
		text.WriteString("\n")
	}
	t.Logf("%d types of resources:\n%s", len(made.Did), text.String())
}

// write keeps a recording: its head in the first line, then one exchange a line.
func (made recording) write(t *testing.T, file string) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(made)
	for _, each := range made.Exchanges {
		if err == nil {
			err = encoder.Encode(each)
		}
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, text.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// volatile are fields that differ from one cloud to the next.
var volatile = regexp.MustCompile(`(?i)(etag|fingerprint|time|timestamp|uid|uniqueId|^id$|generation|revision|WithId|` +
	`creator|lastModifier|resourceVersion|^updated$|client|ipaddress|^address$|mutat|sha256|operation|targetLink)`)

// pruned keeps of each answer what a later request repeats, and of those that a plan
// looked at everything that does not differ from cloud to cloud.
func pruned(all []exchange) []exchange {
	kept, sent := slices.Clone(all), make([]string, len(all)+1) // what is sent from an exchange on
	for i, each := range slices.Backward(all) {
		sent[i] = each.Path + string(each.Body) + "\n" + sent[i+1]
	}
	for i, each := range kept {
		before := sent[0][:len(sent[0])-len(sent[i+1])]
		each.Later = map[string]string{}
		leaves(each.Answer, "", func(at, value string) {
			if len(value) >= 6 && strings.Contains(sent[i+1], value) && !strings.Contains(before, value) {
				each.Later[at] = value
			}
		})
		if each.Answer = withoutVolatile(each.Answer); !each.Plan {
			each.Answer = nil
		}
		kept[i] = each
	}
	return kept
}

// leaves calls each for every text in a tree, with its place.
func leaves(node any, at string, each func(at, value string)) {
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			leaves(node[key], at+"/"+key, each)
		}
	case []any:
		for i, inner := range node {
			leaves(inner, at+"/"+strconv.Itoa(i), each)
		}
	case string:
		each(at, node)
	}
}

func withoutVolatile(node any) any {
	switch node := node.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, value := range node {
			if !volatile.MatchString(key) {
				kept[key] = withoutVolatile(value)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(node))
		for i, value := range node {
			kept[i] = withoutVolatile(value)
		}
		return kept
	}
	return node
}
