package console

import (
	"context"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/drawing"
	"github.com/iapguard/iapguard/internal/localcloud/browser"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Bounds of what is shown.
const (
	maxServices  = 12
	maxAddresses = 5 // of one service, at which visitors knock
)

// view is how the services are at a time.
type view struct {
	Services []service
	LeftOff  int    // services that are not shown
	Problem  string // why they could not be read, "" = they could
}

// Open is how many of the services that are shown let anybody in.
func (v view) Open() int {
	open := 0
	for _, each := range v.Services {
		if each.Tone == bad {
			open++
		}
	}
	return open
}

// service is one service: its doors, and who gets in there.
type service struct {
	Name    string // full name
	Short   string
	Place   string
	State   string
	Tone    tone
	Drawing template.HTML
	Doors   []knockable

	posture posture.Posture
}

// ID is the service's name as the id of an element.
func (s service) ID() string { return "service-" + strings.ReplaceAll(s.Name, "/", "-") }

// knockable is an address at which visitors knock, and how they are answered.
type knockable struct {
	Address string
	Browser string // where a browser reaches it
	host    string
	path    string
	Answers []answer
}

// visitors are those who knock everywhere. A stranger is not signed in.
var visitors = []string{"", "user:alice@example.com", "user:bob@example.com"}

// looker looks at the services.
type looker struct {
	running *playground.Playground
	port    string // of the data plane
}

// look reads the services as they are. Nobody's knocks leave log entries.
func (l looker) look(ctx context.Context) view {
	clients, err := cloud.Connect(ctx, connect.Config{Endpoint: l.running.URL(), UserAgent: function.UserAgent}, time.Now)
	if err != nil {
		return view{Problem: err.Error()}
	}
	targets, err := clients.Services(ctx, posture.Scope{Project: playground.Project})
	if err != nil {
		return view{Problem: err.Error()}
	}
	targets = slices.DeleteFunc(targets, func(t posture.Target) bool { return t.Name() == playground.FunctionName })
	slices.SortFunc(targets, func(a, b posture.Target) int { return strings.Compare(a.Service, b.Service) })
	var v view
	if len(targets) > maxServices {
		v.LeftOff, targets = len(targets)-maxServices, targets[:maxServices]
	}
	for _, target := range targets {
		if one, err := l.lookAt(ctx, clients, target); err == nil { // it may be gone by now
			v.Services = append(v.Services, one)
		}
	}
	return v
}

func (l looker) lookAt(ctx context.Context, clients *cloud.Cloud, target posture.Target) (service, error) {
	seen, err := clients.Observe(ctx, target)
	if err == nil { // who has a custom role may get in
		err = clients.Describe(ctx, &seen, policy.Asked{Roles: true})
	}
	if err != nil {
		return service{}, fmt.Errorf("looking at %s: %w", target.Name(), err)
	}
	doors := door.Of(seen)
	one := service{Name: target.Name(), Short: target.Service, Place: target.Location, State: "guarded", Tone: good,
		posture: seen}
	switch door.Exposed(doors) {
	case door.Yes:
		one.State, one.Tone = "open to the internet", bad
	case door.Unknown:
		one.State, one.Tone = "not known", wait
	}
	if one.Drawing, err = drawing.HTML(drawing.OfPosture(seen)); err != nil {
		return service{}, err
	}
	slices.SortStableFunc(doors, func(a, b door.Door) int { // frontends first
		return strings.Compare(string(b.Kind), string(a.Kind))
	})
	for _, each := range doors {
		if k, ok := l.knockable(each); ok && len(one.Doors) < maxAddresses {
			for _, who := range visitors {
				k.Answers = append(k.Answers, knock(ctx, l.running.Cloud.DataPlane().Unlogged(), visit{k, who}))
			}
			one.Doors = append(one.Doors, k)
		}
	}
	return one, nil
}

// knockable is a door at whose address a visitor can knock: a pattern is none. A frontend that
// takes any host is asked for the first that its certificates are for.
func (l looker) knockable(d door.Door) (knockable, bool) {
	at, err := url.Parse(d.Address)
	if err != nil || at.Host == "" || strings.Contains(at.Host, "*") || strings.Contains(at.Path, "*") ||
		d.Kind == door.InternalLoadBalancer {
		return knockable{}, false
	}
	host := at.Hostname()
	name, _, _ := strings.Cut(d.Names, ", ")
	if _, err := netip.ParseAddr(host); err == nil && name != "" && !strings.HasPrefix(name, "*") {
		host = name
	}
	path := at.EscapedPath()
	if path == "" {
		path = "/"
	}
	walk := url.URL{Scheme: "http", Host: net.JoinHostPort(browser.HostOf(host), l.port), Path: path}
	return knockable{Address: at.Scheme + "://" + host + at.Path, Browser: walk.String(), host: host, path: path}, true
}

// guarded reports whether IAP asks a stranger to sign in there.
func (k knockable) guarded() bool {
	return len(k.Answers) > 0 && k.Answers[0].Status == http.StatusFound && strings.HasPrefix(k.Answers[0].By, "IAP")
}

// visit is a visitor at an address.
type visit struct {
	at  knockable
	who string
}

// answer is how a visitor was answered.
type answer struct {
	Who    string
	Status int
	By     string
	Tone   tone
}

// Email is the visitor's address.
func (a answer) Email() string { return strings.TrimPrefix(a.Who, "user:") }

// Short is the visitor as people call them.
func (a answer) Short() string { return shortOf(a.Who) }

func shortOf(who string) string {
	if who == "" {
		return "a stranger"
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(who, "user:"), "@")
	return name
}

// knock asks for the address as a browser does.
func knock(ctx context.Context, data http.Handler, v visit) answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.at.host+v.at.path, http.NoBody)
	if err != nil {
		return answer{Who: v.who, By: "nobody: the address cannot be asked for"}
	}
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Accept", "text/html")
	if v.who != "" {
		r.Header.Set("X-Local-User", v.who)
	}
	w := &answered{header: http.Header{}, status: http.StatusOK}
	data.ServeHTTP(w, r)
	return w.answer(v.who)
}

// answered keeps an answer, to find out who gave it.
type answered struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answered) Header() http.Header         { return a.header }
func (a *answered) WriteHeader(status int)      { a.status = status }
func (a *answered) Write(p []byte) (int, error) { return a.body.Write(p) }

// answer is the answer that a visitor got. That anybody but alice gets in is bad.
func (a *answered) answer(who string) answer {
	found := answer{Who: who, Status: a.status, By: a.by(), Tone: good}
	switch {
	case a.status < http.StatusMultipleChoices && who != visitors[1]:
		found.Tone = bad
	case found.By == mayNotInvoke && who == visitors[1]:
		found.Tone = wait // she came past IAP, or IAP is gone
	}
	return found
}

const mayNotInvoke = "Cloud Run: may not invoke"

// by is who answered, as a person reads it off the answer.
func (a *answered) by() string {
	switch {
	case a.header.Get("X-Goog-Iap-Generated-Response") != "" && a.status == http.StatusFound:
		return "IAP: sign in first"
	case a.header.Get("X-Goog-Iap-Generated-Response") != "":
		return "IAP"
	case a.status == http.StatusMisdirectedRequest:
		return "nobody has this host"
	case a.status == http.StatusNotFound:
		return "Cloud Run: not from here"
	case a.status == http.StatusForbidden, a.status == http.StatusUnauthorized:
		return mayNotInvoke
	case a.status >= 300 && a.status < 400:
		return "the load balancer"
	case a.status >= 500:
		return "the load balancer"
	}
	return "the container"
}
