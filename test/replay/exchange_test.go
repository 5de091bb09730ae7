package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// exchange is one recorded request and its answer.
type exchange struct {
	verb, host, path, query string
	header                  http.Header // of the client: it decides the shape of errors
	body                    string
	status                  int
	answer                  any  // decoded, numbers are json.Number
	blanked                 bool // the recording has no answer's body
}

func (x exchange) String() string { return x.verb + " " + x.host + x.path }

// shared is the folder of recordings, or skips the test.
func shared(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../../shared")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "wire-recorded")); err != nil {
		t.Skip("SKIPPED: there are no recordings beside this checkout")
	}
	return root
}

// httpLogs are the recordings of the real APIs, by file.
func httpLogs(t *testing.T, root string) map[string][]exchange {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "wire-recorded", "*", "*.http.log"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]exchange{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		for part := range strings.SplitSeq(string(text), "\n---\n") {
			if x, ok := parse(strings.TrimSpace(part)); ok {
				all[name] = append(all[name], x)
			} else {
				t.Errorf("%s: an exchange cannot be read: %.100q", name, part)
			}
		}
	}
	return all
}

var statusLine = regexp.MustCompile(`\n\n(\d{3})( [A-Z][A-Za-z ]+)?\n`)

func parse(text string) (exchange, bool) {
	at := statusLine.FindStringSubmatchIndex(text)
	if at == nil {
		return exchange{}, false
	}
	head, body, _ := strings.Cut(text[:at[0]], "\n\n")
	verb, url, ok := strings.Cut(strings.SplitN(head, "\n", 2)[0], " ")
	if !ok {
		return exchange{}, false
	}
	x := exchange{verb: verb, header: http.Header{}, body: strings.TrimSpace(body)}
	for line := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		if name == "User-Agent" || name == "X-Goog-Api-Client" {
			x.header.Set(name, value)
		}
	}
	x.status, _ = strconv.Atoi(text[at[2]:at[3]])
	rest, query, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "?")
	x.query = query
	x.host, x.path, _ = strings.Cut(rest, "/")
	x.path = "/" + x.path
	_, answer, _ := strings.Cut(text[at[1]:], "\n\n")
	if strings.HasPrefix(text[at[1]:], "\n") { // no header
		answer = text[at[1]:]
	}
	x.blanked = decode(strings.TrimSpace(answer), &x.answer) != nil
	if object, ok := x.answer.(map[string]any); ok {
		x.complete(object)
	}
	return x, true
}

// complete fills in what a recording left out: the URLs of three, which name
// their collection instead, and the bodies of a policy and a topic that were written.
func (x *exchange) complete(answer map[string]any) {
	if strings.HasPrefix(x.host, "(compute") {
		link, _ := answer["selfLink"].(string)
		if target, ok := answer["targetLink"].(string); ok {
			link, x.body = target+"/setLabels", `{"labelFingerprint":""}`
		}
		x.host, x.path, _ = strings.Cut(strings.TrimPrefix(link, "https://"), "/")
		x.host, x.path = "compute.googleapis.com", "/"+x.path
	}
	switch {
	case x.body != "":
	case strings.HasSuffix(x.path, ":setIamPolicy"):
		x.body = compactJSON(map[string]any{"policy": answer})
	case x.verb == http.MethodPatch && strings.Contains(x.path, "/topics/"):
		x.body = compactJSON(map[string]any{"topic": answer, "updateMask": "labels"})
	}
}

// tour are the requests of gcloud's tour, in order, with the answers of the
// cloud that it was recorded against.
func tour(t *testing.T, root string) []exchange {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "tools", "gcloud-requests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one struct {
			Method, Host, Path, Query string
			Body, Response            json.RawMessage
			Status                    int
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		x := exchange{verb: one.Method, host: one.Host, path: one.Path, query: one.Query, status: one.Status}
		if json.Unmarshal(one.Body, &x.body) != nil { // media is a text, anything else JSON
			x.body = string(one.Body)
		}
		x.blanked = decode(string(one.Response), &x.answer) != nil
		all = append(all, x)
	}
	return all
}

func decode(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}
