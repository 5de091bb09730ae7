package localcloud

import (
	"net/http"
	"regexp"
)

// regionalPath begins the path of a client that cannot name a region in the host of
// its endpoint, because this cloud has no hosts of its own: Terraform's provider for
// Cloud Run's v1 API.
var regionalPath = regexp.MustCompile(`^/_regional/([a-z]+-[a-z]+[0-9]{1,2})(/.*)$`)

// byHost is a request as it would have come to Google's host of the region.
func byHost(r *http.Request) *http.Request {
	match := regionalPath.FindStringSubmatch(r.URL.Path)
	if match == nil || r.URL.RawPath != "" {
		return r
	}
	moved := r.Clone(r.Context())
	moved.Host, moved.URL.Path = match[1]+"-run.googleapis.com", match[2]
	moved.RequestURI = moved.URL.RequestURI()
	return moved
}
