package compute

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// defaultNetwork is the network that every new project has (vpc/docs/vpc).
const defaultNetwork = "default"

// newDefaultNetwork is the default network of a project and its subnetworks.
func newDefaultNetwork(of apiserver.Project, created time.Time) []*resource {
	network := &resource{kind: networks, place: place{of, global}, name: defaultNetwork, id: apiserver.NewID(), created: created,
		body: filled(map[string]any{"description": "Default network for the project", "autoCreateSubnetworks": true},
			networks.defaults)}
	all := append(subnetworksOf(network), network)
	for _, each := range all {
		each.complete()
	}
	return all
}

// settleNetwork fills up how routes are chosen.
func settleNetwork(_ *API, r, _ *resource) error {
	fill(apiserver.Object(r.body, "routingConfig"), apiserver.Object(apiserver.Clone(r.kind.defaults), "routingConfig"))
	return nil
}

// subnetworksOf are the subnetworks that come and go with a network: one in each region,
// where they are made automatically.
func subnetworksOf(r *resource) []*resource {
	var all []*resource
	if r.kind != networks || r.body["autoCreateSubnetworks"] != true {
		return nil
	}
	for _, region := range regions {
		ipRange := fmt.Sprintf("10.%d.0.0/20", autoRanges[region])
		all = append(all, &resource{
			kind: subnetworks, place: at(r.project, region), name: r.name, id: apiserver.NewID(), created: r.created,
			body: filled(map[string]any{
				"network": link(r.path()), "ipCidrRange": ipRange, "gatewayAddress": gateway(ipRange),
				"stackType": "IPV4_ONLY",
			}, subnetworks.defaults),
		})
	}
	return all
}

// gateway is the first usable address of a range: the subnetwork's gateway
// (vpc/docs/subnets).
func gateway(ipRange string) string {
	return netip.MustParsePrefix(ipRange).Masked().Addr().Next().String()
}

// viewNetwork shows the network's subnetworks, in the order of their names.
func viewNetwork(a *API, r *resource, body map[string]any) {
	viewSelfLinkWithID(a, r, body)
	var all []any
	for _, user := range a.users(r) {
		if user.kind == subnetworks {
			all = append(all, link(user.path()))
		}
	}
	if all != nil {
		body["subnetworks"] = all
	}
}

// settleSubnetwork wants a range that no other subnetwork of the network has. The text
// for a conflict is reported, the other one is unverified.
func settleSubnetwork(a *API, r, _ *resource) error {
	text := apiserver.Text(r.body, "ipCidrRange")
	mine, err := netip.ParsePrefix(text)
	if err != nil || mine != mine.Masked() || !mine.Addr().Is4() {
		return invalidField("resource.ipCidrRange", text, "Must be an IPv4 range in CIDR notation.")
	}
	r.body["gatewayAddress"] = gateway(text)
	if strings.HasSuffix(apiserver.Text(r.body, "purpose"), "_MANAGED_PROXY") { // recorded
		fill(r.body, map[string]any{"state": "READY"})
	} else {
		fill(r.body, map[string]any{"stackType": "IPV4_ONLY"})
	}
	network := apiserver.Text(r.body, "network")
	for _, other := range a.referring(strings.TrimPrefix(network, base)) {
		if other.kind != r.kind || other.path() == r.path() {
			continue
		}
		if theirs, err := netip.ParsePrefix(apiserver.Text(other.body, "ipCidrRange")); err == nil && mine.Overlaps(theirs) {
			return apiserver.Invalid("Invalid IPCidrRange: %s conflicts with existing subnetwork '%s' in region '%s'.",
				mine, other.name, other.region())
		}
	}
	return nil
}

// removableSubnetwork refuses to delete a subnetwork that came with its network. The text
// is reported.
func (a *API) removableSubnetwork(r *resource) error {
	network := a.find(strings.TrimPrefix(apiserver.Text(r.body, "network"), base))
	if network == nil || network.body["autoCreateSubnetworks"] != true || network.name != r.name {
		return nil
	}
	e := apiserver.Invalid("Invalid resource usage: 'Cannot delete auto subnetwork from an auto subnet mode network.'.")
	e.Reason = "invalidResourceUsage"
	return e
}
