package run

import "github.com/iapguard/iapguard/internal/localcloud/apiserver"

// Exists reports whether there is a service of a name in a region.
func (r *Run) Exists(region, name string) bool { return r.exists(identity{region, name}) }

// Address is the run.app address of a service that is shown first, "" while
// there is none.
func (r *Run) Address(region, name string) string {
	of, err := r.find(identity{region, name})
	if err != nil {
		return ""
	}
	return apiserver.Text(of.v2(), "uri")
}
