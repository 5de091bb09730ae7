package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/traffic"
)

// served reads whether somebody relied on the ways to a service before it was created.
// What cannot be read makes nothing fail: the service counts as an old one.
func (r *run) served(ctx context.Context, p posture.Posture) *decide.Traffic {
	found := &decide.Traffic{Unread: errors.New("nothing reads the traffic of load balancers")}
	if r.Served != nil {
		found.Served, found.Unread = r.Engine.Served(ctx, p)
	}
	if found.Unread != nil {
		found.Unread = fmt.Errorf("looking for requests from before %s was created: %w", p.Target, found.Unread)
		r.Log.InfoContext(ctx, "the service counts as an old one", "target", p.Target.Name(), "err", found.Unread)
	}
	r.traffic = found
	return found
}

// after reads how load balancers answered before and after the steps that are watched.
func (r *run) after(ctx context.Context, watch memory.Watch) *decide.Aftermath {
	spans, ways := decide.SpansOf(watch), decide.WaysOf(watch)
	found := &decide.Aftermath{}
	group, ctx := errgroup.WithContext(ctx)
	for span, into := range map[decide.Span]*[]traffic.Answer{
		spans.Long: &found.Long, spans.Before: &found.Before, spans.After: &found.After,
	} {
		group.Go(func() (err error) {
			*into, err = r.answers(ctx, ways, span)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		found.Unread = fmt.Errorf("looking whether anybody gets in at the load balancers before %s: %w", r.request.Target, err)
	}
	r.aftermath = found
	return found
}

func (r *run) answers(ctx context.Context, ways []traffic.Way, in decide.Span) ([]traffic.Answer, error) {
	if r.Answers == nil {
		return nil, errors.New("nothing reads the traffic of load balancers")
	}
	return r.Answers(ctx, ways, in.From, in.To)
}

// sides reads by which load balancers somebody comes who relies on them.
func (r *run) sides(ctx context.Context, p posture.Posture, opened time.Time) *decide.Side {
	ways, _ := traffic.Ways(p)
	before, last := decide.SideSpans(opened, r.now())
	found := &decide.Side{}
	recent, err := r.answers(ctx, ways, last)
	earlier := recent
	if err == nil && before != last {
		earlier, err = r.answers(ctx, ways, before)
	}
	if err != nil {
		found.Unread = fmt.Errorf("looking who comes by the load balancers before %s: %w", p.Target, err)
	}
	found.Served = decide.SideOf(earlier, recent)
	r.side = found
	return found
}

// forbidden counts the requests that load balancers answered with 403.
func (r *run) forbidden(ctx context.Context, q doctor.Question) *doctor.Counted {
	answers, err := r.answers(ctx, q.Ways, decide.Span{From: q.From, To: q.To})
	if err != nil {
		unread := decide.UnreadTraffic(r.request.Target, err)
		return &doctor.Counted{Unread: &unread}
	}
	return &doctor.Counted{Forbidden: traffic.Forbidden(answers)}
}

// mostAsked bounds how many callers of one service are looked for one by one in the log, whose
// reads are few a minute. The others are looked for together: a crowd of callers must not
// hide that none of them calls.
const mostAsked = 5

// used finds out which callers called the service.
func (r *run) used(ctx context.Context, p posture.Posture, request decide.UsedRequest) *decide.Used {
	found := &decide.Used{Names: map[string]bool{}}
	one := min(len(request.Callers), mostAsked)
	groups := slices.Collect(slices.Chunk(request.Callers[:one], 1))
	if rest := request.Callers[one:]; len(rest) > 0 {
		groups = append(groups, rest)
	}
	for _, group := range groups {
		called, err := r.Cloud.Called(ctx, p, group, request.Before)
		if err != nil {
			found.Unread = fmt.Errorf("looking whether %s called %s: %w", group[0].Short(), p.Target, err)
			break
		}
		for _, each := range group {
			found.Names[each.Name] = called
		}
	}
	r.usedFound = found
	return found
}
