package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/test/canary"
)

// watch passes a call of the function on to the local cloud. Writes are kept,
// and after each somebody asks at every door.
func (p *play) watch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body = canary.Reap(body)
	var before [][]string
	if writes(r) {
		before = p.everyDoor()
	}
	outgoing, err := http.NewRequestWithContext(r.Context(), r.Method, p.playground.URL()+r.URL.RequestURI(),
		bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	outgoing.Header = r.Header.Clone()
	outgoing.Header.Del("Accept-Encoding")
	response, err := http.DefaultTransport.RoundTrip(outgoing)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if writes(r) {
		call := callText(r, body, response.StatusCode) + inTheNameOf(r)
		p.mu.Lock()
		p.written = append(p.written, call)
		p.mu.Unlock()
		p.compare(call, before, p.everyDoor())
	}
	if r.URL.Path == "/oauth2/v3/certs" { // no call of an API
		w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
		_, _ = w.Write(answer) // the function may have ended
		return
	}
	p.mu.Lock()
	p.spent.calls, p.spent.bytes = p.spent.calls+1, p.spent.bytes+len(answer)
	p.mu.Unlock()
	answer = canary.Sow(p.without(r, answer))
	canary.Headers(w.Header())
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(answer) // the function sees a cut connection
}

// without leaves out of what is read the field that is forgotten there.
func (p *play) without(r *http.Request, answer []byte) []byte {
	p.mu.Lock()
	field := p.forgotten[r.URL.Path]
	p.mu.Unlock()
	var read map[string]any
	if field == "" || r.Method != http.MethodGet || json.Unmarshal(answer, &read) != nil {
		return answer
	}
	delete(read, field)
	return []byte(jsonText(read))
}

// writes reports whether a call can change anything.
func writes(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return false
	}
	for _, reading := range []string{":getIamPolicy", ":getAncestry", ":testIamPermissions", "/entries:list", "/wait",
		":wait", ":generateAccessToken"} {
		if strings.HasSuffix(r.URL.Path, reading) {
			return false
		}
	}
	return true
}

// callText shows a write: method, path, query and body, with versions left out,
// which are other ones every time, and the status where the call failed.
func callText(r *http.Request, body []byte, status int) string {
	line := r.Method + " " + r.URL.Path
	query := r.URL.Query()
	query.Del("alt") // every client of Google's asks for JSON
	query.Del("prettyPrint")
	if text := query.Encode(); text != "" {
		line += "?" + text
	}
	var sent map[string]any
	if json.Unmarshal(body, &sent) == nil && len(sent) > 0 {
		unversioned(sent)
		line += " " + jsonText(sent)
	}
	if status != http.StatusOK {
		line += fmt.Sprintf(" -> %d", status)
	}
	return line
}

// inTheNameOf names the account of a call, where that is not the
// function's own.
func inTheNameOf(r *http.Request) string {
	account, _, impersonated := strings.Cut(r.Header.Get("Authorization"), ";by=")
	if !impersonated {
		return ""
	}
	account, _, _ = strings.Cut(strings.TrimPrefix(account, "Bearer serviceAccount:"), "@")
	return " as " + account
}

func unversioned(object map[string]any) {
	for key, value := range object {
		if inner, ok := value.(map[string]any); ok {
			unversioned(inner)
		}
		if key == "etag" || key == "fingerprint" || key == "oauth2ClientSecret" {
			object[key] = "…"
		}
	}
}

func jsonText(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // it was decoded from JSON
	return strings.TrimSpace(text.String())
}

// compare checks that one write opened nothing, and locked nobody out.
func (p *play) compare(call string, before, after [][]string) {
	for v, visitor := range visitors {
		had, has := false, false
		for d := range before {
			wasIn, isIn := before[d][v] == inside, after[d][v] == inside
			had, has = had || wasIn, has || isIn
			if isIn && !wasIn && !slices.Contains(p.entitled, visitor) {
				p.t.Errorf("after %s\n%s gets in at %s, and did not before", call, visitor.name, p.doors[d].name)
			}
		}
		if had && !has && !p.closes && slices.Contains(p.entitled, visitor) {
			p.t.Errorf("after %s\n%s, named by the policy, gets in nowhere, and did before", call, visitor.name)
		}
	}
}
