package policy

import (
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// doorExemption lets one door of a service stay open until it expires: the one at which a
// forwarding rule takes requests for this host and path to this backend service.
type doorExemption struct {
	Exemption
	Frontend, Backend string // full names
	Host, Path        string // as the URL map has them; the path "/*" is any
}

// In reports whether the exemption counts at a time.
func (e doorExemption) In(at time.Time) bool { return at.Before(e.Expires) }

// doorExemptions are keyed by the full name of the service.
type doorExemptions map[string][]doorExemption

// placeText is the beginning of the name of a resource of a load balancer, and nameText
// its end.
const placeText, nameText = `^projects/[a-z0-9.:-]+/(global|regions/[a-z0-9-]+)/`, `/[a-z]([a-z0-9-]*[a-z0-9])?$`

var (
	frontendText = regexp.MustCompile(placeText + "forwardingRules" + nameText)
	backendText  = regexp.MustCompile(placeText + "backendServices" + nameText)
	pathText     = regexp.MustCompile(`^/[^*?#\s]*\*?$`)
)

// door reads which door of a service is exempt.
func (r *reader) door(n *yaml.Node) *doorExemption {
	read := &doorExemption{}
	text := func(key, example string, valid *regexp.Regexp, into *string) func(*yaml.Node) {
		return func(n *yaml.Node) {
			r.text("door."+key, into)(n)
			if *into != "" && !valid.MatchString(*into) {
				r.complain(n, "door.%s is %.80q: write one like %s", key, *into, example)
			}
		}
	}
	r.mapping(n, "door", keys{
		"frontend": text("frontend", "projects/P/global/forwardingRules/NAME", frontendText, &read.Frontend),
		"backend":  text("backend", "projects/P/global/backendServices/NAME", backendText, &read.Backend),
		"host":     text("host", "shop.example.com, without a pattern", domainText, &read.Host),
		"path":     text("path", "/hooks/*", pathText, &read.Path),
	}, "frontend", "backend", "host", "path")
	if strings.HasSuffix(read.Path, "*") && !strings.HasSuffix(read.Path, "/*") {
		r.complain(n, "door.path is %.80q: a * follows a slash, as in /hooks/*", read.Path)
	}
	return read
}
