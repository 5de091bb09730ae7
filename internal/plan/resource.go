package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
)

// errOther refuses a step on a resource that has nothing to do with the service.
func errOther(p posture.Posture) error { return fmt.Errorf("the resource is not one of %s", p.Target) }

// errValues refuses a change that the operation never makes.
var errValues = errors.New("the values are not what the operation writes")

// onTarget refuses every resource but the service itself, at global or in one of its regions.
func onTarget(p posture.Posture, resource string) error {
	if _, known := p.Part(resource); !known {
		return errOther(p)
	}
	return nil
}

// serviceAt is the service of that name: a multi-region service has settings in each region.
func serviceAt(p posture.Posture, resource string) posture.Service {
	part, _ := p.Part(resource)
	return part.Service
}

// withPart is the posture with one of its parts changed.
func withPart(p posture.Posture, resource string, change func(*posture.Posture)) posture.Posture {
	if resource == p.Target.Name() {
		change(&p)
		return p
	}
	p.Regions = slices.Clone(p.Regions)
	for i := range p.Regions {
		if p.Regions[i].Target.Name() == resource {
			change(&p.Regions[i])
		}
	}
	return p
}

// withService is the posture with a setting of the service changed, which a multi-region
// service has in each region once it is written at global.
func withService(p posture.Posture, resource string, change func(*posture.Service)) posture.Posture {
	every := resource == p.Target.Name()
	p = withPart(p, resource, func(part *posture.Posture) { change(&part.Service) })
	if every {
		p.Regions = slices.Clone(p.Regions)
		for i := range p.Regions {
			change(&p.Regions[i].Service)
		}
	}
	return p
}

// withBackend is the posture with a backend service changed, in every region that it leads to.
func withBackend(p posture.Posture, resource string, change func(*posture.Backend)) posture.Posture {
	p.Backends = slices.Clone(p.Backends)
	for i := range p.Backends {
		if p.Backends[i].Resource() == resource {
			change(&p.Backends[i])
		}
	}
	p.Regions = slices.Clone(p.Regions)
	for i, part := range p.Regions {
		p.Regions[i] = withBackend(part, resource, change)
	}
	return p
}

// backendAt is the backend service of that name before the service.
func backendAt(p posture.Posture, resource string) (posture.Backend, bool) {
	i := slices.IndexFunc(p.Backends, func(b posture.Backend) bool { return b.Resource() == resource })
	if i < 0 {
		return posture.Backend{}, false
	}
	return p.Backends[i], true
}

// invokersAt is the IAM policy of the service, or of one that shares a backend
// service with it.
func invokersAt(p posture.Posture, service string) (posture.Policy, bool) {
	if part, known := p.Part(service); known {
		return part.Invokers, true
	}
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if member.Target.Name() == service {
				return member.Invokers, true
			}
		}
	}
	return posture.Policy{}, false
}

// accessAt is IAP's policy of the service itself or of a backend service before it.
func accessAt(p posture.Posture, resource string) (posture.Policy, bool) {
	for _, part := range p.Parts() {
		if resource == part.Target.AccessResource(p.ProjectNumber) {
			return part.DirectAccess, true
		}
	}
	for _, backend := range p.Backends {
		if backend.AccessResource(p.ProjectNumber) == resource {
			return backend.Access, true
		}
	}
	return posture.Policy{}, false
}
