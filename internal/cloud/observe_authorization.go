package cloud

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/cloud/networksecurity"
	"github.com/iapguard/iapguard/internal/posture"
)

// authorization reads which forwarding rules before a service have an authorization
// policy that delegates to IAP. The zero value but for its observation has read nothing.
type authorization struct {
	*observation
	mu    sync.Mutex
	known map[loadbalancer.Place]*delegating
}

// delegating is what was listed in one place.
type delegating struct {
	found  []networksecurity.ToIAP
	err    error
	number string // of the place's project
	// ancestors are above the place's project where that is not the service's.
	ancestors posture.Ancestors
}

// list reads the policies of places that were not read yet, side by side.
func (a *authorization) list(ctx context.Context, places []loadbalancer.Place) {
	var group errgroup.Group
	group.SetLimit(together)
	for _, place := range places {
		group.Go(func() error {
			a.mu.Lock()
			listed := a.known[place] != nil
			a.mu.Unlock()
			if listed {
				return nil
			}
			one := a.listed(ctx, place)
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.known == nil {
				a.known = map[loadbalancer.Place]*delegating{}
			}
			a.known[place] = one
			return nil
		})
	}
	_ = group.Wait() // what failed is kept
}

// listed reads the policies of one place. Where the API is off in the service's own
// project, there are none.
func (a *authorization) listed(ctx context.Context, place loadbalancer.Place) *delegating {
	one := &delegating{number: a.p.ProjectNumber}
	one.found, one.err = a.delegatingToIAP(ctx, place)
	if place.Project == a.p.Target.Project {
		if a.switchedOff(networkSecurityAPI, one.err) {
			one.err = nil
		}
		return one
	}
	if one.err == nil && len(one.found) > 0 {
		project, err := a.project(ctx, place.Project)
		one.number, one.err = project.Number, err
		about := posture.Posture{Target: posture.Target{Project: place.Project}}
		if err := a.readAncestors(ctx, &about); err != nil {
			about.Ancestors.Unread = err.Error()
		}
		one.ancestors = about.Ancestors
	}
	return one
}

// attach puts what was listed at the frontends, after it listed the places that only the
// backend services showed. Where IAP may have to be turned on behind a forwarding rule,
// nothing may be written without knowing what is asked at the rule.
func (a *authorization) attach(ctx context.Context) {
	var late []loadbalancer.Place
	for _, frontend := range a.frontends() {
		if place, ok := loadbalancer.PlaceOf(frontend.Resource); ok {
			late = append(late, place)
		}
	}
	a.list(ctx, late)
	rules := map[string]*posture.RuleIAP{}
	noted := map[loadbalancer.Place]string{}
	for i, backend := range a.p.Backends {
		for j := range backend.Frontends {
			frontend := &a.p.Backends[i].Frontends[j]
			place, ok := loadbalancer.PlaceOf(frontend.Resource)
			if !ok {
				continue
			}
			listed := a.known[place]
			if listed.err != nil {
				if _, known := noted[place]; !known {
					noted[place] = a.unlistedPolicies(place, listed.err)
				}
			}
			if rules[frontend.Resource] == nil {
				rules[frontend.Resource] = listed.at(frontend.Resource, place.Project, noted[place])
			}
			frontend.IAP = rules[frontend.Resource]
		}
	}
}

func (a *authorization) frontends() []posture.Frontend {
	var all []posture.Frontend
	for _, backend := range a.p.Backends {
		all = append(all, backend.Frontends...)
	}
	return all
}

// unlistedPolicies notes that the policies of a place are not known, and returns why.
func (a *authorization) unlistedPolicies(place loadbalancer.Place, err error) string {
	resource := "projects/" + place.Project + "/locations/" + place.Location + "/authzPolicies"
	for _, backend := range a.p.Backends {
		if !backend.IAPOn && !a.p.Service.IAPOn {
			return a.unread.needed(resource, err)
		}
	}
	return a.unread.additional(resource, err)
}

// at is what is asked at a forwarding rule, nil where no policy delegates to IAP.
func (d *delegating) at(rule, project, unread string) *posture.RuleIAP {
	asked := &posture.RuleIAP{Project: project, Number: d.number, Ancestors: d.ancestors, Partial: true, Unread: unread}
	for _, policy := range d.found {
		for _, target := range policy.Targets {
			if loadbalancer.NamesRule(target, rule, d.number) {
				asked.Policies = append(asked.Policies, policy.Name)
				asked.Partial = asked.Partial && policy.Partial
				break
			}
		}
	}
	if !asked.On() && unread == "" {
		return nil
	}
	return asked
}
