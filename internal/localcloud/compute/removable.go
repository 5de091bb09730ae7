package compute

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// removable refuses to delete what something else uses, but for what goes with it.
func (a *API) removable(r *resource) error {
	if r.kind == subnetworks {
		if err := a.removableSubnetwork(r); err != nil {
			return err
		}
	}
	goes := map[string]bool{}
	all := append(subnetworksOf(r), r)
	for _, each := range all {
		goes[each.path()] = true
	}
	for _, each := range all {
		for _, user := range a.users(each) {
			if goes[user.path()] {
				continue
			}
			e := apiserver.Invalid("The %s resource '%s' is already being used by '%s'", snake(each.kind.singular),
				usedName(each, each), usedName(each, user))
			e.Reason = "resourceInUseByAnotherResource"
			return e
		}
	}
	return nil
}

// usedName is what the refusal to delete a resource calls it and its user: its path. That
// of a health check has another form (recorded for global ones).
func usedName(used, r *resource) string {
	if used.kind.collection != "healthChecks" {
		return r.path()
	}
	scope := "GLOBAL:global"
	if region := r.region(); region != "" {
		scope = "REGION:" + region
	}
	return scope + "/PROJECT:" + r.project.Number + "/" + strings.ToUpper(snake(r.kind.singular)) + ":" + r.name
}
