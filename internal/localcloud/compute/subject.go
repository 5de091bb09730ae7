package compute

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// subject says what a call of a method is about: what it is going to insert,
// or the resource that its path names, without the method's name at its end.
func subject(verb, method string) func(*apiserver.Call) string {
	return func(c *apiserver.Call) string {
		switch {
		case verb == "POST" && method == "insert":
			// A body that cannot be read is refused where it is needed.
			if body, err := c.Body(); err == nil && resourceName.MatchString(apiserver.Text(body, "name")) {
				return c.Resource + "/" + apiserver.Text(body, "name")
			}
			return c.Resource
		default:
			return inScope(strings.TrimSuffix(c.Resource, "/"+method))
		}
	}
}

// inScope adds the "global" that the paths of some methods leave out
// (setUrlMap: projects/P/targetHttpsProxies/N).
func inScope(path string) string {
	part := strings.Split(path, "/")
	if len(part) == 4 && kindOf(part[2]) != nil {
		return strings.Join([]string{part[0], part[1], global, part[2], part[3]}, "/")
	}
	return path
}
