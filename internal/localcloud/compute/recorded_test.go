package compute_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// served are the collections of the recordings that the local cloud has.
var served = regexp.MustCompile(`/(backendServices|networkEndpointGroups|urlMaps|targetHttpProxies|targetHttpsProxies|forwardingRules|sslCertificates)(/|$)`)

// exchange is one recorded request with its answer.
type exchange struct {
	verb, path, body string
	status           string
	answer           map[string]any
}

// recorded reads the exchanges of a file beside the repository, or skips.
func recorded(t *testing.T, name string) []exchange {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "..", "shared", "wire-recorded", "compute", name))
	if err != nil {
		t.Skipf("the recorded exchanges are not beside the repository: %v", err)
	}
	var all []exchange
	for _, part := range strings.Split(string(text), "\n---\n") {
		request, response, ok := cutResponse(strings.TrimSpace(part))
		if !ok {
			t.Fatalf("%s: an exchange has no answer: %.80q", name, part)
		}
		head, body, _ := strings.Cut(request, "\n\n")
		line := strings.Fields(head)
		_, answer, _ := strings.Cut(response, "\n\n")
		e := exchange{verb: line[0], path: pathOf(line[1]), body: scrub(body), status: response[:3]}
		json.Unmarshal([]byte(answer), &e.answer)
		all = append(all, e)
	}
	return all
}

var statusLine = regexp.MustCompile(`\n\n(\d{3} [A-Z][A-Za-z ]+\n)`)

func cutResponse(part string) (request, response string, ok bool) {
	at := statusLine.FindStringIndex(part)
	if at == nil {
		return "", "", false
	}
	return part[:at[0]], part[at[0]+2:], true
}

// scrub turns placeholders of the recordings into names that are valid, and the
// ones that stand for a forwarding rule into one.
func scrub(s string) string {
	s = strings.NewReplacer("${projectId}", "demo-project", "example-project", "demo-project",
		"computeglobalforwardingrule-${uniqueId}", "${forwardingRuleID}",
		"computeregionalforwardingrule-${uniqueId}", "${forwardingRuleID}").Replace(s)
	return regexp.MustCompile(`\$\{([A-Za-z]+)\}`).ReplaceAllStringFunc(s, func(m string) string {
		return "x" + strings.ToLower(m[2:len(m)-1])
	})
}

func pathOf(url string) string {
	path, _, _ := strings.Cut(scrub(url), "?")
	_, path, _ = strings.Cut(path, ".googleapis.com/")
	return "/" + path
}

// missing reports whether our answers may lack a recorded key: the quota in a
// URL map's status is Google's.
func missing(kind any, key string) bool { return kind == "compute#urlMap" && key == "status" }

// ambiguous are the resources that a recording inserts twice: its normalizer
// has given two of them one name, so that it is unclear which is meant.
func ambiguous(all []exchange) map[string]bool {
	inserted := map[string]int{}
	for _, e := range all {
		var body struct{ Name string }
		if e.verb == "POST" && json.Unmarshal([]byte(e.body), &body) == nil && body.Name != "" {
			inserted[e.path+"/"+body.Name]++
		}
	}
	twice := map[string]bool{}
	for path, n := range inserted {
		if n > 1 {
			twice[path], twice[path[:strings.LastIndex(path, "/")]] = true, true
		}
	}
	return twice
}

// later are keys that Google has begun to answer after some of the recordings.
var later = map[string]bool{"selfLinkWithId": true, "subjectAlternativeNames": true, "tlsEarlyData": true,
	"enableCDN": true}

// TestAnswersHaveTheKeysThatWereRecorded sends the recorded requests again and
// holds every answer's status and keys against the recorded one: up to the
// first DELETE, and the answers of deletes. What is in use while several
// deletes run at once depends on the clients' timing.
func TestAnswersHaveTheKeysThatWereRecorded(t *testing.T) {
	for _, file := range []string{
		"backendService-global-gcloud-crud-2025-10-29.http.log",
		"global-lb-chain-crud-vcr-2024-04-25.http.log",
		"backendService-regional-lbchain-gcloud-2026-03-01.http.log",
		"targetHttpsProxy-global-2026-06-27.http.log",
		"targetHttpsProxy-regional-2026-07-28.http.log",
		"urlMap-global-with-in-use-400s-2026-06-16.http.log",
		"urlMap-regional-2026-06-16.http.log",
		"forwardingRule-global-tcp-2024-11-15.http.log",
		"forwardingRule-global-grpc-2024-10-02.http.log",
		"neg-serverless-cloudfunction-2025-10-03.http.log",
	} {
		t.Run(file, func(t *testing.T) {
			c := newCloud(t)
			compared, deleting := 0, false
			all := recorded(t, file)
			unclear := ambiguous(all)
			for _, e := range all {
				if !served.MatchString(e.path) || strings.Contains(e.path, "/operations/") {
					continue
				}
				deleting = deleting || e.verb == "DELETE"
				if deleting && (e.verb != "DELETE" || e.status != "200") {
					continue
				}
				c.compare(e, unclear[e.path])
				compared++
			}
			if compared == 0 {
				t.Error("nothing was compared")
			}
			t.Logf("%d exchanges compared", compared)
		})
	}
}

// compare sends a recorded request, with our fingerprint in place of the
// recorded one, and waits for the operation it starts. What is unclear may be
// answered with another status.
func (c *cloud) compare(e exchange, unclear bool) {
	c.t.Helper()
	body := e.body
	if strings.Contains(body, `ingerprint"`) {
		_, current := c.call("GET", strings.TrimSuffix(e.path, "/setLabels"), "")
		for _, key := range []string{"fingerprint", "labelFingerprint"} {
			ours, _ := current[key].(string)
			body = regexp.MustCompile(`"`+key+`":\s*"[^"]*"`).ReplaceAllString(body, `"`+key+`": "`+ours+`"`)
		}
	}
	status, got := c.call(e.verb, e.path, body)
	if want := e.status; want != strconv.Itoa(status) {
		if unclear {
			return
		}
		c.t.Errorf("%s %s: %d, recorded %s\n%v", e.verb, e.path, status, want, got)
		return
	}
	if status >= 400 && e.answer["error"] == nil {
		return // the error's body was blanked at the source
	}
	if got["kind"] == "compute#operation" && got["status"] == "RUNNING" {
		_, link, _ := strings.Cut(got["selfLink"].(string), "/compute/")
		c.must("POST", "/compute/"+link+"/wait", "")
	}
	want := slices.DeleteFunc(slices.Sorted(maps.Keys(e.answer)),
		func(key string) bool { return missing(e.answer["kind"], key) })
	have := slices.DeleteFunc(slices.Sorted(maps.Keys(got)),
		func(key string) bool { return later[key] && e.answer[key] == nil })
	if diff := cmp.Diff(want, have); diff != "" {
		c.t.Errorf("%s %s: keys (-recorded +ours):\n%s", e.verb, e.path, diff)
	}
}
