package posture

// Ancestors are the folders above a project, and its organization. Source:
// resource-manager/docs/cloud-platform-resource-hierarchy.
type Ancestors struct {
	Known        bool     // they were read; a project in no folder has none
	Folders      []string // folders/NUMBER, the nearest first
	Organization string   // organizations/NUMBER, "" = it is in none
	Unread       string   // why they are not known
}
