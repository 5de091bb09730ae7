package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// player sends recorded requests to a local cloud of its own. What the
// recordings call differently (projects, operations, versions) is translated.
type player struct {
	t      *testing.T
	cloud  *localcloud.Cloud
	names  map[string]string // names of operations and revisions, and page tokens, recorded → ours
	absent map[string]bool   // resources that could not be made, by path
	gone   map[string]bool   // resources that we deleted and Google would not yet
}

func newPlayer(t *testing.T) *player {
	t.Helper()
	p := &player{t: t, names: map[string]string{}, absent: map[string]bool{}, gone: map[string]bool{}}
	check := discovery.Judge(t)
	broker, err := delivery.Start(t.Context(), delivery.Options{Project: "demo-project"})
	if err != nil {
		t.Fatal(err)
	}
	p.cloud = localcloud.New(localcloud.Options{Discovery: check, PubSub: broker})
	t.Cleanup(func() {
		p.cloud.Close()
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

var (
	projects    = regexp.MustCompile(`\$\{projectId\}|example-project|cloud-custodian|my-proj\b`)
	numbers     = regexp.MustCompile(`\$\{projectNumber\}|\b(123456789|123456789012|111111111111|882850097339|1098479648729)\b`)
	placeholder = regexp.MustCompile(`\$\{([A-Za-z]+)\}`)
	// The normalizer left some names in one place and not in another.
	named = regexp.MustCompile(`(?:compute(?:global|regional)?|run)([a-z]+)-\$\{uniqueId\}`)
)

// ours is a recorded text in the local cloud's terms.
func (p *player) ours(text string) string {
	text = named.ReplaceAllString(text, "$${${1}ID}")
	for recorded, name := range p.names {
		text = strings.ReplaceAll(text, recorded, name)
	}
	text = projects.ReplaceAllString(text, "demo-project")
	text = numbers.ReplaceAllString(text, "123456789012")
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return "x" + strings.ToLower(m[2:len(m)-1]) })
}

// call makes a call of the owner's and gives status and answer.
func (p *player) call(x exchange) (int, any) {
	p.t.Helper()
	target := (&url.URL{Path: x.path, RawQuery: x.query}).RequestURI()
	request := httptest.NewRequest(x.verb, target, strings.NewReader(x.body))
	request.Host = x.host
	maps.Copy(request.Header, x.header)
	if x.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if boundary, _, _ := strings.Cut(x.body, "\n"); strings.HasPrefix(x.path, "/upload/") {
		request.Header.Set("Content-Type", `multipart/related; boundary="`+strings.TrimPrefix(boundary, "--")+`"`)
	}
	recorder := httptest.NewRecorder()
	p.cloud.ServeHTTP(recorder, request)
	var answer any
	if recorder.Body.Len() > 0 {
		if err := decode(recorder.Body.String(), &answer); err != nil {
			p.t.Errorf("%s answered %d, %s", x, recorder.Code, recorder.Body)
		}
	}
	return recorder.Code, answer
}

// play sends a recorded request.
func (p *player) play(x exchange) (int, any) {
	p.t.Helper()
	p.learnRevision(x)
	sent := x
	sent.path, sent.query = p.ours(x.path), p.ours(x.query)
	sent.body = p.current(sent, p.ours(x.body))
	status, answer := p.call(sent)
	if status == http.StatusNotFound && (x.verb == http.MethodGet || x.verb == http.MethodPatch) && x.status == http.StatusOK && !unserved(status, answer) &&
		!p.gone[sent.path] && p.seed(sent, x.answer) {
		status, answer = p.call(sent)
	}
	object, _ := answer.(map[string]any)
	recorded := operationName(x.answer)
	switch {
	case status == http.StatusOK:
		p.gone[sent.path] = x.verb == http.MethodDelete && x.status != http.StatusOK
		if name := operationName(answer); recorded != "" && name != "" {
			p.names[recorded] = name
		}
		if token := text(x.answer, "nextPageToken"); token != "" {
			p.names[token] = text(answer, "nextPageToken") // where our list ends before, the first page again
		}
		p.wait(x.host, object)
		p.waitDeleted(sent)
		delete(p.absent, made(sent))
	case x.status == http.StatusOK:
		p.absent[made(sent)] = true
		if recorded != "" {
			p.names[recorded] = "of-what-is-not-served"
		}
	}
	return status, answer
}

// made is the path of the resource that a request makes or is about.
func made(x exchange) string {
	if x.verb != http.MethodPost {
		return x.path
	}
	query, err := url.ParseQuery(x.query)
	if err != nil {
		return x.path
	}
	for name := range query {
		if strings.HasSuffix(name, "Id") {
			return x.path + "/" + query.Get(name)
		}
	}
	var body struct{ Name, ProjectID, AccountID string }
	if decode(x.body, &body) != nil {
		return x.path
	}
	return x.path + "/" + cmp.Or(body.ProjectID, body.AccountID, body.Name)
}

// presumes reports whether a request needs what could not be made: it is about
// such a resource, or names one in its body.
func (p *player) presumes(x exchange) bool {
	path, body := p.ours(x.path), p.ours(x.body)
	for each := range p.absent {
		_, name, _ := strings.Cut(each, "projects/")
		if strings.HasPrefix(path, each) || strings.Contains(path, "of-what-is-not-served") ||
			name != "" && strings.Contains(body, name+`"`) {
			return true
		}
	}
	return false
}

// current is a body with our version of the resource in place of the recorded one.
func (p *player) current(x exchange, body string) string {
	get := exchange{verb: http.MethodGet, host: x.host, path: strings.TrimSuffix(x.path, "/setLabels")}
	if x.verb == http.MethodPatch || x.verb == http.MethodPut || get.path != x.path {
		_, answer := p.call(get)
		object, _ := answer.(map[string]any)
		return withVersions(withVersions(body, answer, "fingerprint", "labelFingerprint", "etag"), object["metadata"], "resourceVersion")
	}
	if asked, ok := strings.CutSuffix(x.path, ":setIamPolicy"); ok {
		get.path = asked + ":getIamPolicy"
		if !strings.Contains(x.host, "run.") && !strings.HasPrefix(x.host, "pubsub.") {
			get.verb = http.MethodPost
		}
		_, answer := p.call(get)
		return withVersions(body, answer, "etag")
	}
	return body
}

func withVersions(body string, resource any, keys ...string) string {
	object, _ := resource.(map[string]any)
	for _, key := range keys {
		if value, ok := object[key].(string); ok {
			body = regexp.MustCompile(`"`+key+`":\s*"[^"]*"`).ReplaceAllString(body, `"`+key+`": "`+value+`"`)
		}
	}
	return body
}

// operationName is the last part of an operation's name, or "".
func operationName(answer any) string {
	object, _ := answer.(map[string]any)
	name, _ := object["name"].(string)
	if object["kind"] == "compute#operation" {
		return name
	}
	if at := strings.LastIndex(name, "operations/"); at >= 0 {
		return name[at+len("operations/"):]
	}
	return ""
}

func text(answer any, field string) string {
	object, _ := answer.(map[string]any)
	value, _ := object[field].(string)
	return value
}

// wait lets our operation end, as the recorded client did before it went on.
func (p *player) wait(host string, answer map[string]any) {
	p.t.Helper()
	if answer["kind"] == "compute#operation" && answer["status"] != "DONE" {
		link, _ := answer["selfLink"].(string)
		_, path, _ := strings.Cut(link, ".com/")
		p.call(exchange{verb: http.MethodPost, host: host, path: "/" + path + "/wait"})
	}
	name, _ := answer["name"].(string)
	version := "v1"
	if strings.Contains(host, "run.") {
		version = "v2"
	}
	for i := 0; operationName(answer) != "" && answer["kind"] == nil && answer["done"] != true && i < 1000; i++ {
		status, next := p.call(exchange{verb: http.MethodGet, host: host, path: "/" + version + "/" + name})
		if status != http.StatusOK {
			return
		}
		answer, _ = next.(map[string]any)
	}
}

// waitDeleted waits until a service that run v1 deletes is gone.
func (p *player) waitDeleted(x exchange) {
	p.t.Helper()
	if x.verb != http.MethodDelete || !strings.Contains(x.path, "/serving.knative.dev/") {
		return
	}
	x.verb, x.query = http.MethodGet, ""
	for range 1000 {
		if status, _ := p.call(x); status == http.StatusNotFound {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// learnRevision finds which revision of ours stands for a recorded one, whose
// name ends in random letters.
func (p *player) learnRevision(x exchange) {
	collection, name, ok := strings.Cut(p.ours(x.path), "/revisions/")
	if !ok || len(name) < 3 {
		return
	}
	_, list := p.call(exchange{verb: http.MethodGet, host: x.host, path: collection + "/revisions"})
	prefix := regexp.QuoteMeta(name[:len(name)-3])
	if found := regexp.MustCompile(`"` + prefix + `[a-z0-9]{3}"`).FindString(compactJSON(list)); found != "" {
		p.names[name] = strings.Trim(found, `"`)
	}
}

// unserved reports whether the local cloud has no such method.
func unserved(status int, answer any) bool {
	object, _ := answer.(map[string]any)
	body, _ := object["error"].(map[string]any)
	message, _ := body["message"].(string)
	return status == http.StatusNotFound && strings.HasSuffix(message, "was not found on this server.")
}

func compactJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// prepare makes what the first exchanges of a recording presume and no later
// one makes: lists' items, and the project's policy with its accounts.
func (p *player) prepare(all []exchange) {
	if len(all) == 1 {
		p.seedLists(all[0])
	}
	for _, x := range all {
		policy, _ := x.answer.(map[string]any)
		if !strings.HasPrefix(x.host, "cloudresourcemanager.") || !strings.HasSuffix(x.path, "IamPolicy") || policy == nil {
			continue
		}
		for _, y := range all {
			for _, account := range accounts.FindAllStringSubmatch(p.ours(y.body+compactJSON(y.answer)), -1) {
				p.call(exchange{
					verb: http.MethodPost, host: "iam.googleapis.com", path: "/v1/projects/demo-project/serviceAccounts",
					body: `{"accountId":"` + account[1] + `"}`,
				})
			}
		}
		path, _, _ := strings.Cut(p.ours(x.path), ":")
		p.setPolicy(exchange{host: x.host, path: path}, policy)
		return
	}
}

var accounts = regexp.MustCompile(`serviceAccount:([a-z0-9-]+)@demo-project\.iam`)
