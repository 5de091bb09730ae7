package compute

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// eachReference calls visit with every value of the field at path
// ("backends[].group") and the name of that very field
// ("resource.backends[0].group"), and puts what visit returns in its place where that is
// another one: a resource that is kept is read by many. The types of the fields were
// checked.
func eachReference(body map[string]any, path string, visit func(field, value string) (string, error)) error {
	_, err := walk(body, strings.Split(path, "."), "resource", visit)
	return err
}

func walk(value any, path []string, field string, visit func(field, value string) (string, error)) (any, error) {
	if len(path) == 0 {
		return visit(field, value.(string))
	}
	object := value.(map[string]any)
	name, isList := strings.CutSuffix(path[0], "[]")
	child, present := object[name]
	if !present || child == nil || child == "" {
		return value, nil
	}
	field += "." + name
	if !isList {
		seen, err := walk(child, path[1:], field, visit)
		if text, leaf := seen.(string); leaf && err == nil && text != child {
			object[name] = text
		}
		return value, err
	}
	list := child.([]any)
	for i := range list {
		seen, err := walk(list[i], path[1:], fmt.Sprintf("%s[%d]", field, i), visit)
		if err != nil {
			return nil, err
		}
		if text, leaf := seen.(string); leaf && text != list[i] {
			list[i] = text
		}
	}
	return value, nil
}

// resolve makes every reference of r a full link and refuses what does not
// exist, or is in another project and cannot be named from there. Kinds that this API
// does not serve and projects that the cloud does not have are taken as existing.
func (a *API) resolve(r *resource) error {
	for _, path := range r.kind.references {
		err := eachReference(r.body, path, func(field, value string) (string, error) {
			target, ok := a.parseLink(r.project, value)
			if !ok {
				return "", invalidField(field, value, "The URL is malformed.")
			}
			if !a.mayName(r, target) {
				return "", invalidField(field, value, "Cross project referencing is not allowed for this resource.") // reported
			}
			if a.missing(target) {
				return "", notFound(target)
			}
			if a.elsewhere(r, target) {
				return "", invalidField(field, value, "The resource must be in the same scope, global or the same region.")
			}
			return link(target), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *API) missing(path string) bool {
	part := strings.Split(path, "/")
	collection := part[len(part)-2]
	_, known := a.server.Project(part[1])
	return known && kindOf(collection) != nil && a.find(path) == nil
}

// crossing are the kinds that resources of other projects may name, by the kinds of these,
// "" = any: those of cross-project service referencing and of Shared VPC.
// Source: load-balancing/docs/https (cross-project service referencing), vpc/docs/shared-vpc.
var crossing = map[string]string{
	"backendServices": "urlMaps", "backendBuckets": "urlMaps", "networks": "", "subnetworks": "",
}

// mayName reports whether r may name what is at a path if that is in another project.
// Classic load balancers name nothing there (load-balancing/docs/https, cross-project
// service referencing; that a URL map is refused because of a scheme is unverified).
func (a *API) mayName(r *resource, target string) bool {
	part := strings.Split(target, "/")
	if part[1] == r.project.ID || kindOf(part[len(part)-2]) == nil {
		return true
	}
	by, crosses := crossing[part[len(part)-2]]
	named := a.find(target)
	classic := part[len(part)-2] == "backendServices" && named != nil && named.body["loadBalancingScheme"] == "EXTERNAL"
	return crosses && (by == "" || by == r.kind.collection) && !classic
}

// mayUse refuses a caller who may not use a backend service of another project that r
// names and old did not, nil = nothing was there.
// Source: load-balancing/docs/https/setup-cross-project-backend-service-backend-bucket.
func (a *API) mayUse(c *apiserver.Call, r, old *resource) error {
	before := map[string]bool{}
	if old != nil {
		for _, each := range keysOf(old).References {
			before[each] = true
		}
	}
	for _, target := range keysOf(r).References {
		part := strings.Split(target, "/")
		if before[target] || part[0] != "projects" || part[1] == r.project.ID || crossing[part[len(part)-2]] == "" {
			continue
		}
		permission := "compute." + part[len(part)-2] + ".use"
		if part[2] == "regions" {
			permission = "compute.region" + strings.ToUpper(part[4][:1]) + part[4][1:] + ".use"
		}
		if !a.server.Allowed(apiserver.Access{Principal: c.Caller, Permission: permission, Resource: target}) {
			return apiserver.Denied("Required '%s' permission for '%s'", permission, target)
		}
	}
	return nil
}

// elsewhere says that a resource names one that belongs to another scope: the
// parts of a load balancer are all global or all in one region, but for kinds that any
// scope may name (load-balancing/docs/forwarding-rule-concepts; the text is unverified).
func (a *API) elsewhere(r *resource, target string) bool {
	part := strings.Split(target, "/")
	k := kindOf(part[len(part)-2])
	if _, known := a.server.Project(part[1]); !known || k == nil || k.anyScope {
		return false
	}
	if k.collection == "healthChecks" && part[2] == global {
		return false // regional backend services may have global ones (load-balancing/docs/health-check-concepts)
	}
	if r.kind.collection == "forwardingRules" && r.body["networkTier"] == "STANDARD" && part[2] == global {
		return false // a global load balancer's rule in Standard Tier is regional (recorded 2019)
	}
	return strings.Join(part[2:len(part)-2], "/") != r.scope
}

// users are the resources that refer to r, in the order of their names. An
// address is used by the forwarding rules of its scope that have it.
func (a *API) users(r *resource) []*resource {
	if r.kind.collection != "addresses" {
		return a.referring(r.path())
	}
	return slices.DeleteFunc(a.referring(addressKey(r.body["address"])), func(other *resource) bool {
		return other.kind.collection != "forwardingRules" || other.place != r.place
	})
}

func notFound(path string) *apiserver.Error {
	return apiserver.NotFound("The resource '%s' was not found", path)
}

func invalidField(field, value, why string) *apiserver.Error {
	return apiserver.Invalid("Invalid value for field '%s': '%s'. %s", field, value, why)
}

func required(field string) *apiserver.Error {
	e := apiserver.Invalid("Required field '%s' not specified", field)
	e.Reason = "required"
	return e
}
