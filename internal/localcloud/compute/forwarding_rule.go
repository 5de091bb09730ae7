package compute

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

var portRange = regexp.MustCompile(`^([0-9]{1,5})(?:-([0-9]{1,5}))?$`)

// settleForwardingRule turns a port into a range and an address resource into
// its address, and reserves an ephemeral address where none was named.
func settleForwardingRule(a *API, r, old *resource) error {
	if ports := apiserver.Text(r.body, "portRange"); ports != "" {
		m := portRange.FindStringSubmatch(ports)
		if m == nil {
			return invalidField("resource.portRange", ports, "Must be a port or a range of ports.")
		}
		if m[2] == "" {
			m[2] = m[1]
		}
		r.body["portRange"] = m[1] + "-" + m[2]
	}
	if r.body["target"] == nil && r.body["backendService"] == nil {
		return required("resource.target")
	}
	// Recorded: only a service mesh's rule is given the default network.
	if r.body["loadBalancingScheme"] == "INTERNAL_SELF_MANAGED" && r.body["network"] == nil {
		r.body["network"] = link(place{r.project, global}.path(networks, defaultNetwork))
	}
	return a.settleIPAddress(r, old)
}

// settleIPAddress gives a rule the address that it asks for, or a new one.
func (a *API) settleIPAddress(r, old *resource) error {
	address := apiserver.Text(r.body, "IPAddress")
	switch {
	case address == "" && old != nil:
		r.body["IPAddress"] = old.body["IPAddress"]
	case address == "":
		fresh, err := a.newAddress(apiserver.Text(r.body, "ipVersion"))
		if err != nil {
			return err
		}
		r.body["IPAddress"] = fresh
	case strings.Contains(address, "/"):
		path, ok := a.parseLink(r.project, address)
		if !ok {
			return invalidField("resource.IPAddress", address, "The URL is malformed.")
		}
		reserved := a.find(path)
		if reserved == nil {
			return notFound(path)
		}
		r.body["IPAddress"] = reserved.body["address"]
	}
	return a.checkFrontend(r)
}

// checkFrontend refuses a second rule on the same address and ports. The text
// is unverified.
func (a *API) checkFrontend(r *resource) error {
	for _, other := range a.referring(frontendKey(r.body["IPAddress"], r.body["portRange"])) {
		if other.path() != r.path() {
			return invalidField("resource.IPAddress", fmt.Sprint(r.body["IPAddress"]),
				"Specified IP address is in-use and would result in a conflict.")
		}
	}
	return nil
}

// viewSelfLinkWithID shows a link with the resource's number in place of its name.
func viewSelfLinkWithID(_ *API, r *resource, body map[string]any) {
	body["selfLinkWithId"] = link(strings.TrimSuffix(r.path(), r.name) + r.id)
}
