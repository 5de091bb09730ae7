package dataplane

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// The permissions that the data plane asks for.
const (
	invoke = "run.routes.invoke" // run/docs/securing/managing-access
	// invokeInstance stands in for invoke at an instance (role data set).
	invokeInstance = "run.instances.invoke"
	access         = "iap.webServiceVersions.accessViaIAP" // iap/docs/managing-access
)

// member is somebody as IAM policies write them; "" is nobody in particular.
type member string

// iapAgent is IAP's service agent of a project, as which IAP calls Cloud Run.
func iapAgent(of apiserver.Project) member { return member("serviceAccount:" + of.IAPAgent()) }

// isIAPAgent reports whether somebody is IAP's service agent of some project.
func (s snapshot) isIAPAgent(who member) bool {
	id, _, _ := strings.Cut(who.email(), "@")
	_, number, ok := strings.Cut(id, "-")
	return ok && who == iapAgent(s.ProjectOf("projects/"+number))
}

func (m member) email() string {
	_, email, _ := strings.Cut(string(m), ":")
	if strings.HasPrefix(email, "//") {
		return lastOf(email)
	}
	return email
}

// external reports whether Identity Platform signed somebody in.
func (m member) external() bool { return strings.HasPrefix(string(m), "external:") }

// pool is the workforce pool that somebody belongs to, "" for none
// (iam/docs/principal-identifiers).
func (m member) pool() string {
	parts := strings.Split(string(m), "/")
	if len(parts) < 7 || parts[5] != "workforcePools" {
		return ""
	}
	return parts[6]
}

// issuerOf is who vouches for somebody who passed IAP, as IAP's headers name it. Source:
// iap/docs/signed-headers-howto; of workforce pools nothing was found (unverified).
func issuerOf(passed member, g gate) string {
	switch {
	case passed.external():
		issuer := "securetoken.google.com/" + g.project.ID
		tenants := apiserver.List(apiserver.Object(g.settings, "gcipSettings"), "tenantIds")
		if len(tenants) > 0 {
			if tenant, _ := tenants[0].(string); !strings.HasPrefix(tenant, "_") { // "_N" is the project itself
				issuer += "/" + tenant
			}
		}
		return issuer
	case passed.pool() != "":
		return "sts.google.com"
	}
	return "accounts.google.com"
}

// allows reports whether somebody has a permission on a resource.
func (s snapshot) allows(who member, permission, resource string, r request) bool {
	return s.Allowed(apiserver.Access{
		Principal: apiserver.Principal(who), Permission: permission, Resource: resource, Path: r.path, Host: r.host,
	})
}
