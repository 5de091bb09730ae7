package apiserver

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// Discovery returns Google's description of the route: the document of its API
// and version, and the method with its id. Compute Engine's other versions are
// described by v1, which lacks some of their fields.
func (r *Route) Discovery() (*schema.API, schema.Method, bool) {
	version := versionOf(r.Path)
	if r.API == "compute" {
		version = "v1"
	}
	document := r.API + "/" + version
	if !schema.Served(document) {
		return nil, schema.Method{}, false
	}
	api := schema.Of(document)
	method, ok := api.Method(r.ID)
	return api, method, ok
}

var versionSegment = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)

// versionOf is the first segment of a path that is an API version, or "".
func versionOf(path string) string {
	for segment := range strings.SplitSeq(path, "/") {
		if versionSegment.MatchString(segment) {
			return segment
		}
	}
	return ""
}

// withEnumEncoding is the answer as the client asked for it: Google's generated
// clients send $alt=json;enum-encoding=int and get enums by number (recorded).
func (c *Call) withEnumEncoding(answer any) any {
	query := c.Request.URL.Query()
	if !strings.HasSuffix(query.Get("$alt"), ";enum-encoding=int") && !strings.HasSuffix(query.Get("alt"), ";enum-encoding=int") {
		return answer
	}
	if _, ok := answer.(Media); ok || answer == nil {
		return answer
	}
	api, method, ok := c.Route.Discovery()
	if !ok || method.Response == "" {
		return answer
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return answer
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return answer
	}
	return api.WithNumbers(method.Response, value)
}
