// Package canary puts secrets where secrets stand, and searches for them in what iapguard
// writes.
//
// A canary is a value that nothing but this package knows: an environment variable of a
// service, the secret of an OAuth client, a token, a header, the query of a visitor's URL.
// The stories of test/scenarios have one in every answer of Google's APIs and in every
// event, and no log line, report, plan, page or command may show it. The tests of this
// package let the deployed binary and its commands do the same over HTTPS with tokens of
// a metadata server. TestNoFileHoldsACanary searches the golden files, and .ci/run the
// output of all tests.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mark is in every canary.
const mark = "iapguardCanary7c1e"

// What stands where.
const (
	Environment = mark + "Environment" // of services
	Annotation  = mark + "Annotation"  // such as kubectl's copy of the whole resource
	OAuthClient = mark + "OAuthClient" // the client's secret
	Header      = mark + "Header"
	Query       = mark + "Query" // of a visitor's URL
	Token       = mark + "Token"
	Key         = mark + "KeyOfTheMemoryInThirtyTwoBytes"
)

// forms are the mark as texts hide it. In base64 it stands at three offsets, and its first
// and last characters depend on the neighbours.
var forms = func() [][]byte {
	all := [][]byte{[]byte(mark), []byte(hex.EncodeToString([]byte(mark)))}
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, before), mark...))
		all = append(all, []byte(encoded[4:len(encoded)-4]))
	}
	return all
}()

// Find returns the first canary in a text with what stands around it, or "".
func Find(text []byte) string {
	for _, form := range forms {
		if at := bytes.Index(text, form); at >= 0 {
			return string(text[max(0, at-80):min(len(text), at+len(form)+40)])
		}
	}
	return ""
}

// Check fails the test where a text has a canary.
func Check(t testing.TB, where string, text []byte) {
	t.Helper()
	if leak := Find(text); leak != "" {
		t.Errorf("a secret leaks into %s: …%s…", where, leak)
	}
}

// Writer returns a writer that passes on what is written and fails the test where a canary
// is in it.
func Writer(t testing.TB, where string, w io.Writer) io.Writer {
	return &writer{t: t, where: where, w: w}
}

type writer struct {
	t     testing.TB
	where string
	w     io.Writer
	mu    sync.Mutex
	last  []byte // the end of what was written before: a canary may be cut in two
}

func (w *writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	joined := append(w.last, text...)
	w.last = bytes.Clone(joined[max(0, len(joined)-len(mark)*2):])
	w.mu.Unlock()
	if leak := Find(joined); leak != "" {
		w.t.Errorf("a secret leaks into %s: …%s…", w.where, leak)
	}
	return w.w.Write(text)
}

// Sow adds canaries to JSON, be it an answer of an API or a log entry: to the containers of
// services and revisions, to annotations, to OAuth clients and to requests. Text that is
// not JSON stays as it is.
func Sow(text []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		return text
	}
	if !sow(value) {
		return text
	}
	var sown bytes.Buffer
	encoder := json.NewEncoder(&sown)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return text
	}
	return sown.Bytes()
}

// sow changes a value, and reports whether it did.
func sow(value any) (changed bool) {
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range value {
			changed = sow(inner) || changed
		}
		return object(value) || changed
	case []any:
		for _, inner := range value {
			changed = sow(inner) || changed
		}
	}
	return changed
}

// object adds what stands beside the fields of one object.
func object(value map[string]any) (changed bool) {
	if _, container := value["image"].(string); container {
		env, _ := value["env"].([]any)
		value["env"] = append(env, map[string]any{"name": "PASSWORD", "value": Environment})
		changed = true
	}
	if _, service := value["template"].(map[string]any); service {
		annotations, _ := value["annotations"].(map[string]any)
		if annotations == nil {
			annotations = map[string]any{}
		}
		annotations["kubectl.kubernetes.io/last-applied-configuration"] = `{"env":"` + Annotation + `"}`
		value["annotations"] = annotations
		changed = true
	}
	if id, client := value["oauth2ClientId"].(string); client && id != "" {
		value["oauth2ClientSecret"] = OAuthClient
		changed = true
	}
	if payload, audit := value["protoPayload"].(map[string]any); audit {
		for _, part := range []string{"request", "response"} {
			inside, _ := payload[part].(map[string]any)
			if inside == nil {
				inside = map[string]any{}
			}
			inside["env"] = []any{map[string]any{"name": "PASSWORD", "value": Environment}}
			inside["oauth2ClientSecret"] = OAuthClient
			payload[part] = inside
		}
		metadata, _ := payload["requestMetadata"].(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
		}
		metadata["requestAttributes"] = map[string]any{"headers": map[string]any{"authorization": "Bearer " + Token,
			"cookie": "SID=" + Header}}
		payload["requestMetadata"] = metadata
		changed = true
	}
	if request, visit := value["httpRequest"].(map[string]any); visit {
		if url, _ := request["requestUrl"].(string); url != "" {
			separator := "?"
			if strings.Contains(url, "?") {
				separator = "&"
			}
			request["requestUrl"] = url + separator + "access_token=" + Query
			request["referer"] = "https://example.com/?code=" + Query
			changed = true
		}
	}
	return changed
}

// Message adds canaries to a push message: to the log entry that its data is.
func Message(body []byte) []byte {
	var push map[string]any
	if json.Unmarshal(body, &push) != nil {
		return body
	}
	message, _ := push["message"].(map[string]any)
	data, _ := message["data"].(string)
	entry, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(entry) == 0 {
		return body
	}
	message["data"] = base64.StdEncoding.EncodeToString(Sow(entry))
	sown, err := json.Marshal(push)
	if err != nil {
		return body
	}
	return sown
}

// Headers adds canaries to headers, as proxies and browsers send them.
func Headers(headers http.Header) {
	headers.Add("Cookie", "SID="+Header)
	headers.Add("Set-Cookie", "SID="+Header)
	headers.Add("X-Api-Key", Header)
}

// Reap takes out of a request what Sow put into the answer that it was made from, so that
// a service that is written back stays what it was.
func Reap(text []byte) []byte {
	if !bytes.Contains(text, []byte(mark)) {
		return text
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return text
	}
	reap(value)
	reaped, err := json.Marshal(value)
	if err != nil {
		return text
	}
	return reaped
}

func reap(value any) {
	switch value := value.(type) {
	case map[string]any:
		if env, listed := value["env"].([]any); listed {
			env = slices.DeleteFunc(env, func(each any) bool {
				variable, _ := each.(map[string]any)
				return variable["value"] == Environment
			})
			if value["env"] = env; len(env) == 0 {
				delete(value, "env")
			}
		}
		for _, inner := range value {
			reap(inner)
		}
	case []any:
		for _, inner := range value {
			reap(inner)
		}
	}
}
