package run

import (
	"strings"
	"time"
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

// ServiceAt is the full name of the service with a default URL at a host, ""
// when there is none.
func (r *Run) ServiceAt(host string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for location := range r.locations {
		if location == global {
			continue // it has no addresses of its own
		}
		// Either address begins with the service's name, which has hyphens too,
		// and a hyphen.
		older, newer := addresses("", location)
		for _, address := range []string{older, newer} {
			name, ok := strings.CutSuffix(host, strings.TrimPrefix(address, "https://"))
			found, err := r.find(identity{location, name})
			if ok && err == nil && found.observed > 0 && found.wanted.fields["defaultUriDisabled"] != true {
				return found.fullName()
			}
		}
	}
	return ""
}

// MappedTo is the full name of the service to which a domain mapping leads a
// host, "" when there is none.
func (r *Run) MappedTo(host string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for location := range r.locations {
		if found, ok := r.domains[domain{location: location, host: host}.fullName()]; ok {
			return identity{location, found.service}.fullName()
		}
	}
	return ""
}
