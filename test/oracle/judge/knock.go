package judge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/test/oracle/estate"
)

// Visitor is who knocks.
type Visitor string

// The visitors, the least privileged first.
const (
	Nobody   Visitor = "somebody without credentials"
	Stranger Visitor = "a stranger with a Google account"
	Named    Visitor = "alice, whom policies may name"
)

var accounts = map[Visitor]string{Stranger: estate.Stranger, Named: estate.Alice}

// Address is where somebody knocks.
type Address struct {
	Scheme, Host, Path string
	IP                 string // of the load balancer's frontend, "" = there is none
	Via                string // the forwarding rule, "" = there is none
}

func (a Address) String() string { return a.Scheme + "://" + a.Host + a.Path }

// Entry is a visit that ended in a container.
type Entry struct {
	Service string // full name
	Address
	Visitor Visitor // the least privileged of those who get in there
	// Preflight says that it was an OPTIONS request, and that others are kept out.
	Preflight bool
	Copy      bool // the container got a copy of the request, whose answer nobody sees
}

// The headers in which the data plane of a World names the container that a request came
// to, and those that got copies of it, as full names.
const (
	Reached = "X-Reached"
	Copied  = "X-Copied"
)

// hostsOf are the hosts that its certificate names: its own, those of its host rules, and
// those that a URL mask asks for.
func hostsOf(e estate.Estate, one estate.Balancer) []string {
	base := one.Name + ".example.com"
	hosts := []string{"cert." + base, base}
	for _, s := range e.Services {
		hosts = append(hosts, s.Name+"."+base)
	}
	for _, b := range e.Backends {
		host, _, _ := strings.Cut(b.Mask, "/")
		for _, s := range e.Services {
			if name := strings.ReplaceAll(host, "<service>", s.Name); name != "" && !slices.Contains(hosts, name) {
				hosts = append(hosts, name)
			}
		}
	}
	for _, h := range one.Hosts {
		for _, name := range h.Names {
			switch suffix, wild := strings.CutPrefix(name, "*"); {
			case !wild:
				hosts = append(hosts, name)
			case suffix != "":
				hosts = append(hosts, "any"+suffix)
			}
		}
	}
	return hosts
}

// ownHosts are the run.app hosts of a service, in each of its regions.
func (w World) ownHosts(s estate.Service) ([]string, error) {
	var hosts []string
	for _, place := range s.Places() {
		found, err := w.call(http.MethodGet, servicePath+place.Region+collection(s)+s.Name, nil)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, s.Name+"-"+number+"."+place.Region+".run.app")
		urls, _ := found["urls"].([]any)
		for _, url := range urls {
			host := strings.TrimPrefix(fmt.Sprint(url), "https://")
			if !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts, nil
}

// addresses are all addresses of the estate.
func (w World) addresses(e estate.Estate) ([]Address, error) {
	var all []Address
	paths, named := []string{"/", "/open/door", "/events/new"}, e.Services
	add := func(at Address) {
		for _, path := range paths {
			at.Path = path
			all = append(all, at)
		}
	}
	for _, s := range e.Services {
		hosts, err := w.ownHosts(s)
		if err != nil {
			return nil, err
		}
		for _, host := range hosts {
			add(Address{Scheme: "https", Host: host})
			if s.Tag {
				add(Address{Scheme: "https", Host: "blue---" + host})
			}
		}
		if s.Domain != "" {
			add(Address{Scheme: "https", Host: s.Domain})
		}
	}
	if !slices.ContainsFunc(e.Backends, func(b estate.Backend) bool { return strings.Contains(b.Mask, "/") }) {
		named = nil // no path means a service
	}
	for _, s := range named {
		paths = append(paths, "/"+s.Name, "/"+s.Name+"/deep")
	}
	for _, one := range e.Balancers {
		for scheme, there := range map[string]bool{"http": one.HTTP, "https": one.HTTPS} {
			if !there {
				continue
			}
			rule, err := w.call(http.MethodGet, computePath+owner(one.Hosted)+scope(one.Region)+"/forwardingRules/"+one.Name+"-"+scheme, nil)
			if err != nil {
				return nil, err
			}
			ip := fmt.Sprint(rule["IPAddress"])
			for _, host := range append(hostsOf(e, one), ip) {
				add(Address{Scheme: scheme, Host: host, IP: ip, Via: linkIn(owner(one.Hosted), one.Region, "forwardingRules", one.Name+"-"+scheme)})
			}
		}
	}
	return all, nil
}

// Knock tries every address of the estate.
func (w World) Knock(e estate.Estate) ([]Entry, error) {
	addresses, err := w.addresses(e)
	if err != nil {
		return nil, err
	}
	preflights := slices.ContainsFunc(e.Settings, func(s estate.Settings) bool { return s.Options != "" })
	mirrors, whole := e.Mirrors() > 0, map[string]string{}
	for _, s := range e.Services {
		for _, place := range s.Places() {
			whole[fullName(estate.Service{Name: s.Name, Region: place.Region, Instance: s.Instance})] = fullName(s)
		}
	}
	var entries []Entry
	for _, address := range addresses {
		entered := map[Entry]bool{} // without visitors
		enter := func(method string, visitor Visitor) {
			for _, entry := range w.visit(method, address, visitor) {
				if name := whole[entry.Service]; name != "" {
					entry.Service = name // of the multi-region service
				}
				met := entry
				met.Visitor, met.Preflight = visitor, method == http.MethodOptions
				if !entered[entry] && !(met.Preflight && met.Copy) {
					entries = append(entries, met)
				}
				entered[entry] = entered[entry] || !met.Preflight
			}
		}
		enter(http.MethodGet, Nobody)
		if preflights {
			enter(http.MethodOptions, Nobody)
		}
		for _, visitor := range []Visitor{Stranger, Named} {
			if len(entered) == 0 || mirrors || preflights { // else nobody else comes anywhere else
				enter(http.MethodGet, visitor)
			}
		}
	}
	return entries, nil
}

// visit is where a visitor's request comes in. Who has an account comes with a browser
// that is signed in, and with a token.
func (w World) visit(method string, to Address, visitor Visitor) []Entry {
	request := httptest.NewRequest(method, "http://"+to.Host+to.Path, nil)
	request.Header.Set("X-Forwarded-Proto", to.Scheme)
	request.Header.Set("Accept", "text/html")
	if to.IP != "" {
		request.Header.Set("X-Local-Frontend", to.IP)
	}
	if account := accounts[visitor]; account != "" {
		request.Header.Set("X-Local-User", account)
		request.Header.Set("Authorization", "Bearer "+account)
	}
	recorder := httptest.NewRecorder()
	w.Doors.ServeHTTP(recorder, request)
	var entries []Entry
	for header, copied := range map[string]bool{Reached: false, Copied: true} {
		for _, service := range recorder.Header().Values(header) {
			entries = append(entries, Entry{Service: service, Address: to, Copy: copied})
		}
	}
	return entries
}
