package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/cloud/monitoring"
	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/traffic"
)

// relied is how far before a service's creation requests are looked for: a week has every
// working day.
const relied = 7 * 24 * time.Hour

// Served reports whether a request was answered with success, before the service was
// created, at a host and path by which a load balancer leads to it: somebody may rely on
// these. The request logs of the service's project say so. Where a load balancer takes any
// host and no certificate names them all, or its addresses are too many, it is not known.
func (c *Cloud) Served(ctx context.Context, p posture.Posture) (bool, error) {
	addresses, err := balanced(p)
	if err != nil || len(addresses) == 0 {
		return false, err
	}
	created := p.Service.CreatedAt
	return c.logs.Any(ctx, p.Target.Project,
		logfilter.Served(p.Target.Project, addresses, created.Add(-relied), created))
}

// balanced are the hosts with the paths by which load balancers lead to the service.
func balanced(p posture.Posture) ([]string, error) {
	if p.BackendsUnread != "" {
		return nil, fmt.Errorf("the load balancers before the service are not all known: %s", p.BackendsUnread)
	}
	var found []string
	for _, backend := range p.Backends {
		for _, frontend := range backend.Frontends {
			hosts := frontend.Hosts
			if len(hosts) == 0 && len(frontend.Names) > 0 && frontend.MoreNames == 0 {
				hosts = append(slices.Clone(frontend.Names), frontend.Address)
			}
			if frontend.Unread != "" || len(hosts) == 0 || slices.Contains(hosts, "*") {
				return nil, fmt.Errorf("the hosts of %s are not all known", frontend.Resource)
			}
			paths := frontend.Paths
			if len(paths) == 0 {
				paths = []string{"/"}
			}
			for _, host := range hosts {
				for _, path := range paths {
					found = append(found, strings.ToLower(host)+strings.TrimSuffix(path, "*"))
				}
			}
			if len(found) > mostHosts {
				return nil, fmt.Errorf("load balancers lead to the service by more than %d addresses", mostHosts)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// Backlogs reads what waits in the subscriptions of a deployment: see monitoring.Client.Backlogs.
func (c *Cloud) Backlogs(ctx context.Context, of monitoring.Subscriptions) ([]monitoring.Backlog, error) {
	return c.metrics.Backlogs(ctx, of, c.now())
}

// Answers counts how requests that came by ways through load balancers were answered between
// two times, which are whole minutes.
func (c *Cloud) Answers(ctx context.Context, ways []traffic.Way, from, to time.Time) ([]traffic.Answer, error) {
	return c.metrics.Answers(ctx, ways, from, to)
}
