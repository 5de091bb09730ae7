package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// effect is what the steps of plans mean to people.
type effect struct {
	services, steps int
	closes          []string // addresses that the internet cannot reach any more
	signIn          []string // resources at which IAP goes on
	lets            []string // members who get access
	breaks          []string // callers who are refused from then on
	until           time.Time
}

// effectOf is what apply does to these services. Only what it writes counts: the steps of
// a held service, or of one that nobody may write to, are not taken.
func effectOf(plans []report.Report) effect {
	var e effect
	for _, r := range plans {
		if !r.WouldAct {
			continue
		}
		e.services++
		e.steps += len(r.Steps)
		for _, step := range r.Steps {
			e.add(r, step)
		}
		for _, one := range r.Callers {
			if one.Impact == caller.Breaks {
				e.breaks = append(e.breaks, one.String())
			}
		}
	}
	for _, list := range []*[]string{&e.closes, &e.signIn, &e.lets, &e.breaks} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return e
}

// The operations that the effect of a plan names.
var (
	restrictIngress = plan.RestrictIngress{}.Operation().Op
	enableIAP       = plan.EnableIAP{}.Operation().Op
	enableDirectIAP = plan.EnableDirectIAP{}.Operation().Op
	grantAccess     = plan.GrantAccess{}.Operation().Op
)

func (e *effect) add(r report.Report, step report.Step) {
	switch plan.Op(step.Op) {
	case restrictIngress:
		for _, each := range r.Doors {
			own := each.Via == step.Resource || r.Subject() == step.Resource && each.Kind != door.LoadBalancer &&
				each.Kind != door.InternalLoadBalancer
			if own && each.Guard != door.GuardIngress && each.Guard != door.GuardClosed {
				e.closes = append(e.closes, doorName(each))
			}
		}
	case enableIAP, enableDirectIAP:
		e.signIn = append(e.signIn, step.Resource)
	case grantAccess:
		e.lets = append(e.lets, step.To)
	}
	if step.NotBefore != nil && step.NotBefore.After(e.until) {
		e.until = *step.NotBefore
	}
}

// mostShown bounds how many things a line names.
const mostShown = 3

// lines are the effect for a person who is about to agree to it.
func (e effect) lines(now time.Time) []line {
	var lines []line
	for _, each := range []struct {
		lead  string
		style style
		noun  string
		names []string
	}{
		{"breaks", red, "caller", e.breaks},
		{"closes", yellow, "address", e.closes},
		{"IAP on at", yellow, "resource", e.signIn},
		{"lets in", green, "member", e.lets},
	} {
		if len(each.names) > 0 {
			lines = append(lines, line{lead: fmt.Sprintf("  %-10s ", each.lead), style: each.style,
				text: counted(len(each.names), each.noun) + ": " + someOf(each.names, mostShown)})
		}
	}
	if wait := e.until.Sub(now); !e.until.IsZero() && wait > 0 {
		lines = append(lines, line{lead: "  takes      ", text: "about " + shortly(wait) +
			": what is granted needs that time to hold everywhere"})
	}
	return lines
}

// someOf names the first of many.
func someOf(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", and " + strconv.Itoa(len(names)-most) + " more"
}

// shortly is a duration in whole seconds.
func shortly(d time.Duration) string { return cmp.Or(d.Round(time.Second), time.Second).String() }
