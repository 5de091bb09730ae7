package dataplane

import (
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// object is a resource as its API shows it. It is shared, and never changed.
type object = map[string]any

// snapshot is what the data plane goes by. Load balancers' settings and IAP's
// take effect late; what Cloud Run observes of a service is in effect. Every
// lookup is by a name: none depends on how many resources there are.
type snapshot struct {
	Options
	now time.Time
	// propagated is the time whose settings are in effect; zero = now.
	propagated time.Time
	// stuck names the services that refuse IAP's agent, each with the revision
	// that does so; "" is every revision.
	stuck map[string]string
	// containers are the addresses of programs, by service.
	containers map[string]string
}

// compute is the resource of Compute Engine that a link names, nil when there
// is none.
func (s snapshot) compute(link string) object {
	if r, ok := s.Compute.Lookup(link, s.propagated); ok {
		return r.Object()
	}
	return nil
}

// service is a Cloud Run service, nil when there is none. Whether IAP is on at
// the service itself takes effect late, like IAP everywhere.
func (s snapshot) service(name string) object {
	service := s.Run.Service(name)
	if service == nil || s.propagated.IsZero() {
		return service
	}
	if on, known := s.Run.IAPEnabled(name, s.propagated); known {
		service["iapEnabled"] = on
	}
	return service
}

// serviceAt is the service with a default URL at a host. At the address of a tag, its
// latest revision is the tag's, which is the one that answers.
func (s snapshot) serviceAt(host string) object {
	name, revision := s.Run.ServiceAt(host)
	service := s.service(name)
	if service != nil && revision != "" {
		service["latestReadyRevision"] = name + "/revisions/" + revision
	}
	return service
}

// serviceMapped is the service that Cloud Run itself leads a host to.
func (s snapshot) serviceMapped(host string) object { return s.service(s.Run.MappedTo(host)) }

// projectOf is the project of a resource of Compute Engine.
func (s snapshot) projectOf(resource object) apiserver.Project {
	link := apiserver.Text(resource, "selfLink")
	return s.ProjectOf(link[max(0, strings.Index(link, "projects/")):])
}

// lastOf is the last segment of a resource's name or link.
func lastOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// regionOf is the region of a resource of Compute Engine, "" of a global one.
func regionOf(resource object) string { return lastOf(apiserver.Text(resource, "region")) }
