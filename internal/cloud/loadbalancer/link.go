package loadbalancer

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// link names one compute resource by what identifies it. Full URLs of any
// host and API version, and partial ones, become the same link: a reference
// reads back in the API version that its writer used.
type link struct {
	project    string
	location   string // region, or posture.Global
	collection string
	name       string
}

// parseLink reads a reference or a resource name; ok is false when it does not
// name a resource of ours, by Google's own grammar for every segment.
func parseLink(reference string) (link, bool) {
	if at := strings.Index(reference, "projects/"); at >= 0 {
		reference = reference[at:]
	}
	part := strings.Split(reference, "/")
	var l link
	switch {
	case len(part) == 5 && part[2] == "global":
		l = link{part[1], posture.Global, part[3], part[4]}
	case len(part) == 6 && part[2] == "regions":
		l = link{part[1], part[3], part[4], part[5]}
	default:
		return link{}, false
	}
	numeric := posture.ValidProjectNumber(l.name) // ids are accepted where names are
	valid := posture.ValidProject(l.project) && posture.ValidLocation(l.location)
	return l, valid && (numeric || posture.ValidCompute(l.name))
}

// path is the link as a resource name.
func (l link) path() string {
	scope := "global"
	if l.location != posture.Global {
		scope = "regions/" + l.location
	}
	return "projects/" + l.project + "/" + scope + "/" + l.collection + "/" + l.name
}

func (l link) global() bool { return l.location == posture.Global }
