package replay

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// methodOf finds the method of a recorded request in Google's documents.
func methodOf(x exchange) (*schema.API, schema.Method, bool) {
	name, _, _ := strings.Cut(strings.TrimPrefix(x.host, "us-central1-"), ".")
	for _, document := range schema.Documents() {
		if !strings.HasPrefix(document, name+"/") {
			continue
		}
		api := schema.Of(document)
		for _, m := range api.Methods("") {
			if m.Verb == x.verb && pattern(m.Path).MatchString(strings.Replace(x.path, "/compute/beta/", "/compute/v1/", 1)) {
				return api, m, true
			}
		}
	}
	return nil, schema.Method{}, false
}

var variable = regexp.MustCompile(`\\\{[A-Za-z0-9]+\\\}`)

func pattern(path string) *regexp.Regexp {
	quoted := variable.ReplaceAllString(regexp.QuoteMeta(path), `[^/:]+`)
	if strings.Contains(path, "/{v1Id}:") {
		quoted = strings.Replace(quoted, `[^/:]+`, `.+`, 1) // any resource of IAP's
	}
	return regexp.MustCompile("^/" + quoted + "$")
}

// TestGooglesAnswersFitTheDocuments shows that the check is right: what Google
// answered passes it, with the normalizer's placeholders left out.
func TestGooglesAnswersFitTheDocuments(t *testing.T) {
	logs := httpLogs(t, shared(t))
	checked, unknown := 0, 0
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		for _, x := range logs[name] {
			if x.status != 200 || x.blanked {
				continue
			}
			api, m, ok := methodOf(x)
			if !ok || m.Response == "" {
				unknown++
				continue
			}
			checked++
			for _, v := range api.Violations(m.Response, x.answer) {
				if !strings.Contains(v, "${") {
					t.Errorf("%s: %s: %s", name, m.ID, v)
				}
			}
			if body := (map[string]any{}); x.body != "" && m.Request != "" && decode(x.body, &body) == nil {
				if _, err := api.Normalize(m.Request, body); err != nil && !strings.Contains(err.Error(), "${") {
					t.Errorf("%s: %s was accepted: %v", name, m.ID, err)
				}
			}
		}
	}
	t.Logf("%d answers of Google's checked, %d are of methods that are not served", checked, unknown)
	if checked < 600 {
		t.Errorf("%d answers were checked, which is too few to be all", checked)
	}
}
