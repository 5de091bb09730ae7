package compute

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// global is the scope of what belongs to no region; the others are
// "regions/REGION".
const global = "global"

// place is where resources are: in a project, and there in a scope.
type place struct {
	project apiserver.Project
	scope   string
}

// region is the place's region, "" for the global one.
func (p place) region() string {
	region, regional := strings.CutPrefix(p.scope, "regions/")
	if !regional {
		return ""
	}
	return region
}

// name is the place from "projects/" on.
func (p place) name() string { return p.project.Name() + "/" + p.scope }

// path is the name of a resource: projects/P/global/backendServices/N.
func (p place) path(k *kind, name string) string { return p.name() + "/" + k.collection + "/" + name }

// order is where lists have a resource, by project, scope and name; with name "" what
// those of the place begin with.
func (p place) order(name string) string { return p.project.ID + "/" + p.scope + "/" + name }

// at is the place in a project with the region of a name, "" = the global one.
func at(project apiserver.Project, region string) place {
	if region == "" {
		return place{project, global}
	}
	return place{project, "regions/" + region}
}
