package withfunction

import (
	"fmt"
	"slices"
	"strings"
)

// OwnWrites lists what the function wrote, in order: status, method and resource.
func (e *Env) OwnWrites() []string {
	var writes []string
	for _, call := range e.Calls().Own().Writes() {
		writes = append(writes, fmt.Sprintf("%d %s %s", call.Status, call.Method, call.Resource))
	}
	return writes
}

// KindsOfWrites lists the status and method of each kind of write of the function, once. A
// write that was refused because somebody else was quicker wrote nothing.
func (e *Env) KindsOfWrites() []string {
	var kinds []string
	for _, write := range e.OwnWrites() {
		if strings.HasPrefix(write, "409 ") || strings.HasPrefix(write, "412 ") {
			continue
		}
		kinds = append(kinds, strings.Join(strings.Fields(write)[:2], " "))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// RecipeWrites are all kinds of writes that protecting the scenario's services takes. A
// developer's own policy change may wipe a grant that we were quick to make, so that it is
// made again: how often each is written is not ours to say.
func RecipeWrites() []string {
	return []string{
		"200 compute.backendServices.patch",
		"200 compute.regionBackendServices.patch",
		"200 iap.setIamPolicy",
		"200 run.projects.locations.services.patch",
		"200 run.projects.locations.services.setIamPolicy",
		"200 serviceusage.services.generateServiceIdentity",
	}
}
