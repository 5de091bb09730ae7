package loadbalancer

import (
	"testing"

	compute "google.golang.org/api/compute/v1"
)

func TestABackendServiceThatIsUsedIsNotTakenForDeleted(t *testing.T) {
	const project = "https://www.googleapis.com/compute/v1/projects/"
	asked, _ := parseLink(project + "demo-project/global/backendServices/shop")
	for name, tc := range map[string]struct {
		usedBy string
		want   bool // an error
	}{
		"by a URL map of another project":          {"host-project", true},
		"by one of a project whose maps were read": {"demo-project", false},
		"by nothing": {"", false},
	} {
		listed := &compute.BackendService{SelfLink: project + "demo-project/global/backendServices/shop"}
		if tc.usedBy != "" {
			listed.UsedBy = []*compute.BackendServiceUsedBy{{Reference: project + tc.usedBy + "/global/urlMaps/m"}}
		}
		inv := &Inventory{backends: []*compute.BackendService{listed}, routing: map[string]*routing{"demo-project": {}}}
		if err := inv.stillLeadsTo(asked); (err != nil) != tc.want {
			t.Errorf("%s: error %v, want one: %t", name, err, tc.want)
		}
	}
}
