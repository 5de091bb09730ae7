package cloud

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/eventarc"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
)

// visited is how far back the request log is searched for visitors. Where what is found decides
// whether addresses close, the log is searched as far back as a project keeps it: where only
// internal load balancers lead to the service, and where it is private. Source: logging/quotas,
// retention of the _Default bucket.
const (
	visited      = 24 * time.Hour
	visitedAtAll = 30 * 24 * time.Hour
)

// visitsSince is from when on visitors of a service are looked for.
func visitsSince(p posture.Posture, now time.Time) time.Time {
	if visitsDecide(p) {
		return now.Add(-visitedAtAll)
	}
	return now.Add(-visited)
}

// visitsDecide reports whether it hangs on visitors which addresses of a service close.
func visitsDecide(p posture.Posture) bool { return door.InsideOnly(p) != nil || door.ByNameOnly(p) }

// mostHosts bounds how many hosts a filter names: Logging takes 20,000 characters, and a
// URL map has as many hosts as its author likes.
const mostHosts = 50

// Callers finds the callers of a service, side by side: what is configured in
// its project to call anything, and visitors of its run.app addresses, mapped domains and
// load balancers while no IAP is before them, with what sends requests on to these: Firebase
// Hosting, and API Gateway in the project. A source that cannot be read is
// an unread fact, not an error.
func (c *Cloud) Callers(ctx context.Context, p posture.Posture) ([]caller.Caller, []posture.Unread, error) {
	ctx = c.pacing(ctx)
	project := p.Target.Project
	var subscriptions, jobs, visitors []caller.Caller
	var triggers eventarc.Triggers
	var unread unread
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		subscriptions, err = c.shared.callers.Get(ctx, project+"/subscriptions", func(ctx context.Context) ([]caller.Caller, error) {
			return c.subscriptions.Subscriptions(ctx, project)
		})
		return unread.optional("projects/"+project+"/subscriptions", err)
	})
	group.Go(func() (err error) {
		triggers, err = c.shared.triggers.Get(ctx, project, func(ctx context.Context) (eventarc.Triggers, error) {
			return c.triggers.Triggers(ctx, project)
		})
		return unread.optional("projects/"+project+"/locations/-/triggers", err)
	})
	group.Go(func() (err error) {
		jobs, err = c.shared.callers.Get(ctx, project+"/jobs", func(ctx context.Context) ([]caller.Caller, error) {
			return c.jobs.Jobs(ctx, project)
		})
		return unread.optional("projects/"+project+"/locations/-/jobs", err)
	})
	if hosts, any := door.OpenHosts(p); any || len(hosts) > 0 {
		wild := func(host string) bool { return strings.HasPrefix(host, "*") }
		gateways := slices.DeleteFunc(slices.Clone(hosts), wild)
		gateways = gateways[:min(len(gateways), mostHosts)]
		if any || len(hosts) > mostHosts {
			hosts = nil // what is closed lets nobody in, and so is not found
		}
		group.Go(func() (err error) {
			at := logfilter.Hosts{Asked: hosts, Backends: gateways}
			since := visitsSince(p, c.now())
			if visitors, err = c.logs.Visitors(ctx, p.Target, at, since); err == nil && len(visitors) > 0 && visitsDecide(p) {
				others := logfilter.VisitsOfOthers(p.Target, at, addressesOf(visitors), since)
				err = c.allListed(ctx, p.Target, others)
			}
			// Reads of logs are few a minute, and visitors mostly a hint.
			unread.note("projects/"+project+"/logs/"+caller.RequestLog, err)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	// A trigger stands for the subscription that carries its events.
	carriers, addresses := triggers.Carriers(), map[posture.Target]string{}
	subscriptions = slices.DeleteFunc(slices.Clone(subscriptions), func(s caller.Caller) bool { return carriers[s.Name] })
	for _, part := range p.Parts() {
		addresses[part.Target] = part.DefaultURL()
	}
	found := slices.Concat(subscriptions, triggers.To(addresses), jobs, visitors)
	for i := range found {
		found[i] = printable(found[i])
	}
	return found, unread.sorted(), nil
}

// allListed returns an error where the log has visits of others: the visitors are the newest
// and most frequent ones, and a flood from inside would hide who is outside.
func (c *Cloud) allListed(ctx context.Context, target posture.Target, visitsOfOthers string) error {
	others, err := c.logs.Any(ctx, target.Project, visitsOfOthers)
	if err == nil && others {
		err = fault.New(fault.Invalid, "more visitors asked for %q than are looked at", target.Service)
	}
	return err
}

// addressesOf are the IP addresses of visitors.
func addressesOf(visitors []caller.Caller) []string {
	var listed []string
	for _, one := range visitors {
		if one.RemoteIP != "" && !slices.Contains(listed, one.RemoteIP) {
			listed = append(listed, one.RemoteIP)
		}
	}
	return listed
}

// usedWithin is how long ago a caller may have called last to count as used.
const usedWithin = 35 * 24 * time.Hour

// mostCalls bounds how many addresses a filter names: Logging takes 20,000 characters, and
// anybody can make any number of callers.
const mostCalls = 25

// Called reports whether the service let a request of any of the callers in before a time, as
// far as its request log goes back, and within 35 days. Of more callers than a filter names
// it is asked whether any of their kinds called, at any address.
func (c *Cloud) Called(ctx context.Context, p posture.Posture, who []caller.Caller, before time.Time) (bool, error) {
	calls := callsOf(who, func(one caller.Caller) string { return one.Calls() })
	if len(calls) > mostCalls {
		calls = callsOf(who, func(caller.Caller) string { return "" })
	}
	return c.logs.Any(ctx, p.Target.Project, logfilter.Used(p.Target, calls, c.now().Add(-usedWithin), before))
}

// callsOf are the requests of callers at their addresses, each once.
func callsOf(who []caller.Caller, address func(caller.Caller) string) []logfilter.Calls {
	var calls []logfilter.Calls
	for _, one := range who {
		call := logfilter.Calls{Address: address(one), Agents: one.Agents(), Gateway: one.Kind == caller.APIGateway}
		if call.Gateway {
			call.Address = one.Calls() // one of the service's own hosts
		}
		if !slices.ContainsFunc(calls, func(c logfilter.Calls) bool { return reflect.DeepEqual(c, call) }) {
			calls = append(calls, call)
		}
	}
	return calls
}

// printable cleans the text of a caller, which tenants and strangers write: no
// control characters, and no query or password of an address.
func printable(c caller.Caller) caller.Caller {
	c.Name, c.Address = posture.Shown(c.Name), posture.Shown(posture.BareURL(c.Address))
	c.Principal, c.Audience = posture.Shown(c.Principal), posture.Shown(c.Audience)
	c.RemoteIP = posture.Shown(c.RemoteIP)
	return c
}
