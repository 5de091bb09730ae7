package event

import (
	"strings"
)

// temporalAsset is a message of a feed of Cloud Asset Inventory, as far as it is read.
// Source: asset-inventory/docs/reference/rest/v1/TopLevel/batchGetAssetsHistory#TemporalAsset.
type temporalAsset struct {
	object
	Asset  changedAsset `json:"asset"`
	Window assetWindow  `json:"window"`
}

type changedAsset struct {
	object
	Name      text `json:"name"`
	AssetType text `json:"assetType"`
	IAMPolicy raw  `json:"iamPolicy"` // of a feed of policies
}

type assetWindow struct {
	object
	StartTime text `json:"startTime"`
}

// balancing are the collections of a load balancer's parts, with the kinds of their changes.
var balancing = map[string]Kind{
	"backendServices": BackendServiceChanged, "networkEndpointGroups": RoutingChanged, "urlMaps": RoutingChanged,
	"targetHttpProxies": RoutingChanged, "targetHttpsProxies": RoutingChanged, "forwardingRules": RoutingChanged,
}

// asset reads a message of a feed. What it says of the resource is not believed: it makes that
// resource be looked at, as an entry of the audit log about it does. It does not say who changed it.
func (p *parser) asset(body raw) Result {
	var found temporalAsset
	if err := decode(body, &found); err != nil {
		return ignored(Cause{}, Unreadable, "not valid JSON: %s", describe(err))
	}
	a := found.Asset
	c := Cause{Key: hashKey("asset", a.Name.s, a.AssetType.s, string(a.IAMPolicy), found.Window.StartTime.s)}
	c.At, _ = parseTime(found.Window.StartTime.s)
	api, _, _ := strings.Cut(strings.TrimPrefix(a.Name.s, "//"), "/")
	n := parsePath(a.Name.s)
	zonal := strings.Contains(a.Name.s, "/zones/") // NEGs of zones lead to no Cloud Run service
	var bad *problem
	switch {
	case !strings.HasPrefix(a.Name.s, "//") || a.Name.twice:
		return ignored(c, Unreadable, "the asset does not name its resource: %s", quote(a.Name.s))
	case api == runAPI && n.service != "" && n.collection == "":
		c.Kind = RunServiceChanged // also where it says that the service is gone: the look finds that out
		if a.IAMPolicy.kind() == '{' {
			c.Kind = RunIAMChanged
		}
		bad = serviceOfAsset(n, &c)
	case api == computeAPI && balancing[n.collection] != "" && !zonal:
		c.Kind = balancing[n.collection]
		bad = balancerOfAsset(n, &c)
	case api == iapAPI && strings.Contains(a.Name.s, "/iap_web"):
		c.Kind = IAPPolicyChanged
		bad = iapIdentity(&entry{ProtoPayload: auditLog{ResourceName: a.Name}}, &c)
	default:
		return ignored(c, Unrelated, "an asset that is not part of the protection: %s", quote(a.Name.s))
	}
	if bad != nil {
		return ignored(c, bad.reason, "%s", bad.why)
	}
	return caused(c)
}

func serviceOfAsset(n path, c *Cause) *problem {
	bad := projects.pick(&c.Project, n.project)
	bad = orElse(bad, locations.pick(&c.Location, n.location))
	bad = orElse(bad, services.pick(&c.Service, n.service))
	return orElse(bad, serviceNamed(c))
}

// balancerOfAsset finds a part of a load balancer.
func balancerOfAsset(n path, c *Cause) *problem {
	bad := projects.pick(&c.Project, n.project)
	bad = orElse(bad, locations.pick(&c.Location, n.location))
	bad = orElse(bad, resources.pick(new(string), n.name))
	switch {
	case bad != nil:
		return bad
	case c.Project == "" || n.name == "" || c.Location == "":
		return unreadable("the asset does not name its resource in full")
	case c.Kind == BackendServiceChanged:
		c.BackendService = n.name
	}
	c.Resource = computeName(c, n.collection, n.name)
	return nil
}
