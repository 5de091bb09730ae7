package scenarios

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
)

// visitor is who asks at a door; a stranger is nobody.
type visitor struct {
	name, member string
	program      string // the name of its headers, "" for people
}

var visitors = []visitor{{name: "a stranger"}, {name: "alice", member: "user:alice@example.com"},
	{name: "bob", member: "user:bob@example.com"}}

// programs visit as people do, and bring what people do not: a page's own request without
// a session, a token that somebody else issued.
var programs = []visitor{{name: "a page", program: "page"}, {name: "an app", program: "app"}}

var headers = map[string]map[string]string{
	"page": {"X-Requested-With": "XMLHttpRequest", "Accept": "application/json"},
	"app":  {"Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"},
}

// door is a way in. name is what stories call it.
type door struct{ name, scheme, host string }

const inside = "200 gets in"

// opens notes a door that somebody made.
func (p *play) opens(name, scheme, host string) {
	p.doors = append(p.doors, door{name, scheme, host})
}

// defaultURL notes a service's run.app address.
func (p *play) defaultURL(service playground.LoadBalanced) {
	p.t.Helper()
	shown, _ := p.call(http.MethodGet, "/v2/"+service.Name(), nil)["uri"].(string)
	u, err := url.Parse(shown)
	if err != nil || u.Host == "" {
		p.t.Fatalf("service %s has no address: %q", service.Service, shown)
	}
	p.opens(service.Service+".run.app", "https", u.Host)
}

// find gives the door that a story names, with or without https:// or http://.
func (p *play) find(name string) (door, bool) {
	scheme, host, hasScheme := strings.Cut(name, "://")
	if !hasScheme {
		scheme, host = "", name
	}
	for _, d := range p.doors {
		if d.name == host && (scheme == "" || d.scheme == scheme) {
			return d, true
		}
	}
	return door{}, false
}

// way reads a door that may have a path behind it.
func (p *play) way(name string) (door, string, error) {
	scheme, rest, hasScheme := strings.Cut(name, "://")
	if !hasScheme {
		scheme, rest = "", name
	} else {
		scheme += "://"
	}
	host, path, _ := strings.Cut(rest, "/")
	d, ok := p.find(scheme + host)
	if strings.HasSuffix(host, ".cloudfunctions.net") { // of every function there is
		d, ok = door{host, "https", host}, true
	}
	if !ok {
		return d, "", fmt.Errorf("there is no door %s among %v", name, p.doors)
	}
	return d, "/" + path, nil
}

// everyDoor asks as every visitor at every door: a row a door.
func (p *play) everyDoor() [][]string {
	var rows [][]string
	for _, d := range p.doors {
		var row []string
		for _, v := range visitors {
			row = append(row, p.visit(p.unlogged, d, v, "/"))
		}
		rows = append(rows, row)
	}
	return rows
}

// visit sends a request to a door as a visitor. at is where the data plane answers: with or
// without log entries.
func (p *play) visit(at string, d door, v visitor, path string) string {
	request, err := http.NewRequestWithContext(p.ctx, http.MethodGet, at+path, nil)
	if err != nil {
		return err.Error()
	}
	request.Host = d.host
	request.Header.Set("Accept", "text/html,application/xhtml+xml")
	request.Header.Set("X-Forwarded-Proto", d.scheme)
	request.Header.Set("X-Local-Address", "198.51.100.7") // nobody's: RFC 5737
	for name, value := range headers[v.program] {
		request.Header.Set(name, value)
	}
	if v.member != "" {
		request.Header.Set("X-Local-User", v.member)
		request.Header.Set("Authorization", "Bearer "+v.member)
	}
	response, err := http.DefaultTransport.RoundTrip(request) // redirects are answers
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return verdict(response, string(body))
}

// verdict says in words what an answer means.
func verdict(response *http.Response, body string) string {
	byIAP := response.Header.Get("X-Goog-IAP-Generated-Response") == "true"
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		return inside
	case status == http.StatusFound && byIAP:
		return "302 sign in"
	case status == http.StatusForbidden && byIAP:
		return "403 by IAP"
	case status == http.StatusForbidden && strings.Contains(body, "Your client does not have permission"):
		return "403 by Cloud Run"
	case status == http.StatusNotFound:
		return "404 by ingress"
	default:
		return strings.TrimSpace(fmt.Sprintf("%d %s", status, firstLine(body)))
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// lastDoors are the doors in the last report on a service, which must be
// looked at before the reports are.
func (p *play) lastDoors(service string) ([]string, error) {
	reports := p.about(service, false)
	if len(reports) == 0 {
		return nil, fmt.Errorf("nothing was reported on %q since the last look", service)
	}
	return doors(reports[len(reports)-1]), nil
}
