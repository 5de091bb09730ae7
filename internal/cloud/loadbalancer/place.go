package loadbalancer

import (
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// places are the scopes that a list could not read, "global" or "regions/R", each
// with what the list says about it. The zero value is empty.
type places struct {
	mu     sync.Mutex
	unread map[string]string
}

// warned notes the warning of one scope of an aggregated list. That a scope has
// nothing is the only harmless one (compute's discovery document, warning codes).
func (p *places) warned(scope, code, message string) {
	if code == "NO_RESULTS_ON_PAGE" {
		return
	}
	p.note(scope, code+": "+message)
}

// unreachable notes what a list could not reach.
func (p *places) unreachable(scopes []string) {
	for _, scope := range scopes {
		p.note(scope, "it could not be reached")
	}
}

func (p *places) note(scope, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unread == nil {
		p.unread = map[string]string{}
	}
	p.unread[inProject(scope)] = why
}

// inProject is a scope without the project before it.
func inProject(scope string) string {
	for _, kind := range []string{"regions/", "zones/"} {
		if at := strings.LastIndex(scope, kind); at >= 0 {
			return scope[at:]
		}
	}
	return scope
}

// any is the error where a list lacks anything at all.
func (p *places) any(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for scope, why := range p.unread {
		return fault.New(fault.Unavailable, "the list of %s lacks %s: %s", what, posture.Shown(scope), posture.Shown(why))
	}
	return nil
}

// of is the error where a resource that matters at a location may be missing. A
// regional resource refers to resources of its region, a global one to others that are
// global or to NEGs of any region; a serverless NEG is in the region of its service.
func (p *places) of(what, location string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for scope, why := range p.unread {
		elsewhere := strings.HasPrefix(scope, "zones/") ||
			strings.HasPrefix(scope, "regions/") && scope != "regions/"+location
		if !elsewhere {
			return fault.New(fault.Unavailable, "the list of %s lacks %s: %s", what, posture.Shown(scope), posture.Shown(why))
		}
	}
	return nil
}
