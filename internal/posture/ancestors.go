package posture

import (
	"slices"
	"strings"
)

// Ancestors are the folders above a project, and its organization. Source:
// resource-manager/docs/cloud-platform-resource-hierarchy.
type Ancestors struct {
	Known        bool     // they were read; a project in no folder has none
	Folders      []string // folders/NUMBER, the nearest first
	Organization string   // organizations/NUMBER, "" = it is in none
	Unread       string   // why they are not known
}

// Containers are all of them, the nearest first.
func (a Ancestors) Containers() []string {
	above := slices.Clone(a.Folders)
	if a.Organization != "" {
		above = append(above, a.Organization)
	}
	return above
}

// AboveProject reports whether a resource is a folder or an organization.
func AboveProject(resource string) bool {
	return strings.HasPrefix(resource, "folders/") || strings.HasPrefix(resource, "organizations/")
}

// AboveUnread is why a policy above the project could not be read, or what is above it;
// "" = all of them were. Such a policy takes no public members (cloudresourcemanager's
// discovery document), but it may name outsiders.
func (p Posture) AboveUnread() string {
	if p.Ancestors.Unread != "" {
		return p.Ancestors.Unread
	}
	for _, at := range p.Above {
		if at.Policy.Unread != "" {
			return at.Policy.Unread
		}
	}
	return ""
}
