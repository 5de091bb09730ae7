package run

import (
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// What the data plane asks for: each answer takes as long as it does with one
// service.

// Service is a service of a full name as v2 shows it, nil when there is none.
func (r *Run) Service(name string) map[string]any {
	if found, ok := r.services.Get(name, time.Time{}); ok {
		return found.v2()
	}
	return nil
}

// IAPEnabled says whether IAP was on at a service at a time; known is false when
// there was no such service then.
func (r *Run) IAPEnabled(name string, at time.Time) (on any, known bool) {
	before, known := r.services.Get(name, at)
	if !known {
		return nil, false
	}
	return before.wanted.fields["iapEnabled"], true
}

// ServiceAt is the full name of the service with a default URL at a host, "" when there
// is none. Revision is the one that answers at the address of a tag
// (run/docs/rollouts-rollbacks-traffic-migration#tags), "" = the traffic decides.
func (r *Run) ServiceAt(host string) (name, revision string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tag, own, tagged := strings.Cut(host, "---")
	switch {
	case !tagged:
		tag, own = "", host
	case tag == "":
		return "", ""
	}
	for project, locations := range r.locations {
		for location := range locations {
			if location == global {
				continue // it has no addresses of its own
			}
			if found := r.ownerOf(own, identity{project, location, ""}); found != nil && found.observed > 0 {
				return found.at(tag, r.server.Beliefs().KeepTagURLs)
			}
		}
	}
	return "", ""
}

// ownerOf is the service of a place with a default URL at a host, nil when there is none.
// Its caller holds the lock.
func (r *Run) ownerOf(host string, in identity) *service {
	// Either address begins with the service's name, which has hyphens too, and a hyphen.
	older, newer := in.addresses()
	for _, address := range []string{older, newer} {
		name, ok := strings.CutSuffix(host, strings.TrimPrefix(address, "https://"))
		if found, err := r.find(identity{in.project, in.location, name}); ok && err == nil {
			return found
		}
	}
	return nil
}

// at is the service's full name, and the revision that a tag names, where its default
// URL, or the tag's, is an address.
func (s *service) at(tag string, keepTagURLs bool) (name, revision string) {
	off := s.wanted.fields["defaultUriDisabled"] == true
	if tag == "" && !off {
		return s.fullName(), ""
	}
	for _, each := range s.traffic {
		target, _ := each.(map[string]any)
		if tag == "" || apiserver.Text(target, "tag") != tag || off && !keepTagURLs {
			continue
		}
		if revision := apiserver.Text(target, "revision"); revision != "" {
			return s.fullName(), revision
		}
		return s.fullName(), s.latestReady
	}
	return "", ""
}

// MappedTo is the full name of the service to which a domain mapping leads a
// host, "" when there is none.
func (r *Run) MappedTo(host string) string {
	for _, found := range r.mappings.All("") {
		if lastSegment(found.Name) == host {
			in, _, _ := strings.Cut(found.Name, "/domainmappings/")
			return in + "/services/" + apiserver.Text(apiserver.Object(found.Body, "spec"), "routeName")
		}
	}
	return ""
}
