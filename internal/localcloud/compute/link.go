package compute

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// base is what every link begins with inside the store. Clients get it with
// the version of their call in place of v1.
const base = "https://www.googleapis.com/compute/v1/"

func link(path string) string { return base + path }

var linkPath = regexp.MustCompile(`^projects/[A-Za-z0-9.:_-]+/(global|regions/[a-z0-9-]+|zones/[a-z0-9-]+)/[A-Za-z]+/[A-Za-z0-9._-]+$`)

// parseLink reads a reference in any form that clients send: a full URL of any
// host and version, "projects/…", or "global/…" and "regions/…" within the
// project. It returns the path from "projects/", with the project's id.
func (a *API) parseLink(in apiserver.Project, s string) (path string, ok bool) {
	path = s
	if i := strings.Index(path, "projects/"); i >= 0 {
		path = path[i:]
	} else if strings.HasPrefix(path, "global/") || strings.HasPrefix(path, "regions/") ||
		strings.HasPrefix(path, "zones/") {
		path = in.Name() + "/" + path
	}
	path = a.server.ByID(path)
	return path, linkPath.MatchString(path)
}

// inVersion is body with every link in the version of a call: references come
// back in the version that asked (wire.md 2.1). It does not change body.
func inVersion(body map[string]any, version string) map[string]any {
	if version == "v1" {
		return body
	}
	return rewritten(body, "https://www.googleapis.com/compute/"+version+"/").(map[string]any)
}

func rewritten(value any, to string) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, child := range value {
			copied[key] = rewritten(child, to)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, child := range value {
			copied[i] = rewritten(child, to)
		}
		return copied
	case string:
		if rest, ok := strings.CutPrefix(value, base); ok {
			return to + rest
		}
	}
	return value
}

// number is a JSON number that is kept as it is written.
func number(digits string) json.Number { return json.Number(digits) }

// snake turns "backendService" into "backend_service", as error texts and
// audit logs name kinds.
func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
