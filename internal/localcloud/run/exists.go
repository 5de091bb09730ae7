package run

import "github.com/iapguard/iapguard/internal/localcloud/apiserver"

// Exists reports whether a project has a service of a name in a region.
func (r *Run) Exists(in apiserver.Project, region, name string) bool {
	return r.exists(identity{in, region, name})
}

// Address is the run.app address of a service of DefaultProject that is shown first, ""
// while there is none.
func (r *Run) Address(region, name string) string {
	of, err := r.find(identity{apiserver.DefaultProject(), region, name})
	if err != nil {
		return ""
	}
	return apiserver.Text(of.v2(), "uri")
}
