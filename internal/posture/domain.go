package posture

// Domain is one host that is mapped to the service. One whose certificate is
// not issued yet counts too: no event says when it is.
type Domain struct {
	Host     string // "shop.example.com"
	Resource string // the mapping's name under its API
}

// DomainsResource is the name of the list of a region's domain mappings.
func (t Target) DomainsResource() string {
	return "projects/" + t.Project + "/locations/" + t.Location + "/domainmappings"
}
