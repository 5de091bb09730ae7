package compute

import (
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Resource is one resource as it was at a time. It never changes.
type Resource struct{ version *resource }

// Path is the resource's name, from "projects/" on.
func (r Resource) Path() string { return r.version.path() }

// Collection is the last but one segment of the path: "urlMaps".
func (r Resource) Collection() string { return r.version.kind.collection }

// Object is the resource as v1 shows it, without what is computed when it is
// read. What lies inside of it must not be changed.
func (r Resource) Object() map[string]any { return r.version.shown() }

// Derived is what build makes of the resource's object. It is built once for
// each version of a resource, so there is one use of it: package dataplane.
func (r Resource) Derived(build func(object map[string]any) any) any {
	d := r.version.derived
	d.once.Do(func() { d.value = build(r.version.shown()) })
	return d.value
}

// Lookup is the resource that a link or a path names, as it was at a time; the
// zero time is now.
func (a *API) Lookup(link string, at time.Time) (Resource, bool) {
	r, ok := a.resources.Get(link[max(0, strings.Index(link, "projects/")):], at)
	return Resource{r}, ok
}

// Users are the resources that named the one at a path, by path.
func (a *API) Users(path string, at time.Time) []Resource { return a.lookup(path, at) }

// WithAddress are the forwarding rules that had an IP address, by path.
func (a *API) WithAddress(ip string, at time.Time) []Resource {
	var rules []Resource
	for _, r := range a.lookup(addressKey(ip), at) {
		if r.Collection() == "forwardingRules" {
			rules = append(rules, r)
		}
	}
	return rules
}

// NamingHost are the URL maps and the certificates that had a host, or a pattern
// of hosts, in these letters but for upper and lower case, by path.
func (a *API) NamingHost(pattern string, at time.Time) []Resource {
	return a.lookup(hostKey(pattern), at)
}

func (a *API) lookup(reference string, at time.Time) []Resource {
	found := a.resources.Referring(reference, at)
	all := make([]Resource, len(found))
	for i, r := range found {
		all[i] = Resource{r}
	}
	return all
}

// Looked is how many resources have been looked at so far: a measure of work.
func (a *API) Looked() int64 { return a.resources.Looked() }

// BackendService finds a project's backend service by its name or numeric id, as IAP
// names it. Region is "" for a global one.
func (a *API) BackendService(in apiserver.Project, region, nameOrID string) (name, id string, ok bool) {
	return a.named("backendServices", at(in, region), nameOrID)
}

// ForwardingRule finds a project's forwarding rule by its name or numeric id, as IAP names
// it. Region is "" for a global one.
func (a *API) ForwardingRule(in apiserver.Project, region, nameOrID string) (name, id string, ok bool) {
	return a.named("forwardingRules", at(in, region), nameOrID)
}

// Exists reports whether a resource exists, by its path from "projects/" on.
func (a *API) Exists(path string) bool { return a.find(path) != nil }

func (a *API) named(collection string, in place, nameOrID string) (name, id string, ok bool) {
	k := kindOf(collection)
	if r := a.find(in.path(k, nameOrID)); r != nil {
		return r.name, r.id, true
	}
	for _, r := range a.referring(idKey(k, in, nameOrID)) {
		return r.name, r.id, true
	}
	return "", "", false
}
