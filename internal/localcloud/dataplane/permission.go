package dataplane

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// The permissions that the data plane asks for.
const (
	invoke = "run.routes.invoke"                   // run/docs/securing/managing-access
	access = "iap.webServiceVersions.accessViaIAP" // iap/docs/managing-access
)

// member is somebody as IAM policies write them; "" is nobody in particular.
type member string

// iapAgent is IAP's service agent, as which IAP calls Cloud Run.
func iapAgent() member { return member("serviceAccount:" + apiserver.IAPAgent()) }

func (m member) email() string {
	_, email, _ := strings.Cut(string(m), ":")
	return email
}

// allows reports whether somebody has a permission on a resource.
func (s snapshot) allows(who member, permission, resource string, r request) bool {
	return s.Allowed(apiserver.Access{
		Principal: apiserver.Principal(who), Permission: permission, Resource: resource, Path: r.path, Host: r.host,
	})
}
