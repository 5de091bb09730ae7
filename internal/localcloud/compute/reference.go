package compute

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// eachReference calls visit with every value of the field at path
// ("backends[].group") and the name of that very field
// ("resource.backends[0].group"), and puts what visit returns in its place. The types of
// the fields were checked.
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
	var err error
	if !isList {
		object[name], err = walk(child, path[1:], field, visit)
		return value, err
	}
	list := child.([]any)
	for i := range list {
		if list[i], err = walk(list[i], path[1:], fmt.Sprintf("%s[%d]", field, i), visit); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// resolve makes every reference of r a full link and refuses what does not
// exist. Kinds that this API does not serve (health checks, networks) and
// other projects are taken as existing.
func (a *API) resolve(r *resource) error {
	for _, path := range r.kind.references {
		err := eachReference(r.body, path, func(field, value string) (string, error) {
			target, ok := parseLink(value)
			if !ok {
				return "", invalidField(field, value, "The URL is malformed.")
			}
			if a.missing(target) {
				return "", notFound(target)
			}
			if elsewhere(r, target) {
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
	return part[1] == apiserver.ProjectID && kindOf(collection) != nil && a.find(path) == nil
}

// elsewhere says that a resource names one that belongs to another scope: the
// parts of a load balancer are all global or all in one region, but for kinds that any
// scope may name (load-balancing/docs/forwarding-rule-concepts; the text is unverified).
func elsewhere(r *resource, target string) bool {
	part := strings.Split(target, "/")
	k := kindOf(part[len(part)-2])
	if part[1] != apiserver.ProjectID || k == nil || k.anyScope {
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
		return other.kind.collection != "forwardingRules" || other.scope != r.scope
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
