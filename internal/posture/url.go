package posture

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Origin is the beginning of a URL up to its path, "" when it is none.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// DefaultURL is a run.app address at which the service answers.
func (p Posture) DefaultURL() string {
	if len(p.Service.URLs) > 0 {
		return p.Service.URLs[0]
	}
	return p.DeterministicURL()
}

func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// DeterministicURL is the run.app address that follows from names alone.
// Source: run/docs/triggering/https-request#deterministic.
func (p Posture) DeterministicURL() string {
	return "https://" + p.Target.Service + "-" + p.ProjectNumber + "." + p.Target.Location + ".run.app"
}

// hostText is whatever may be a host in a text.
var hostText = regexp.MustCompile(`[A-Za-z0-9.-]+`)

// RunAppHosts finds the run.app hosts in texts, such as the values of a
// service's environment, each once and sorted. Of the texts nothing else is kept.
func RunAppHosts(texts []string) []string {
	var hosts []string
	for _, text := range texts {
		for _, found := range hostText.FindAllString(text, -1) {
			host := strings.ToLower(strings.Trim(found, ".-"))
			if strings.HasSuffix(host, ".run.app") && len(host) <= 253 && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return hosts
}

// BareURL is a URL without what may be secret in it: user, query, fragment. What
// is not a URL gives "".
func BareURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
