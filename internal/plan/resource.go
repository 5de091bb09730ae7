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

// onTarget refuses every resource but the service itself.
func onTarget(p posture.Posture, resource string) error {
	if resource != p.Target.Name() {
		return errOther(p)
	}
	return nil
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
	if service == p.Target.Name() {
		return p.Invokers, true
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
	if resource == p.Target.AccessResource(p.ProjectNumber) {
		return p.DirectAccess, true
	}
	for _, backend := range p.Backends {
		if backend.AccessResource(p.ProjectNumber) == resource {
			return backend.Access, true
		}
	}
	return posture.Policy{}, false
}
