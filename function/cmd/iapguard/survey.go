package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	// auditTogether bounds how many services are looked at side by side by looks that each
	// read all that they need.
	auditTogether = 8
	// listTogether bounds how many projects are looked at side by side, and surveyTogether how
	// many services by looks that share what they read. Each such look waits for two or three
	// calls of its own. With twice as many, an audit takes two thirds of the time and more memory.
	listTogether   = 12
	surveyTogether = 32
)

// looked is what came of a look at one service.
type looked struct {
	target posture.Target
	final  report.Report
	err    error
	asOf   time.Time // when the oldest fact held that an inventory gave; zero = all was read now
}

// What --inventory takes.
const inventoryAuto, inventoryOff = "auto", "off"

// surveyOptions say what a survey is for, and what it may take from elsewhere than the APIs that own it.
type surveyOptions struct {
	command string // that asks for it
	// kept reports whether the command has what an earlier run read of a service, which is not looked at
	// then. It is called for one service at a time; nil = it has nothing.
	kept      func(posture.Target) bool
	inventory bool // IAM policies are taken from Cloud Asset Inventory, where they are known to hold
}

// survey looks at all services in places and writes nothing. Services are looked at while others
// are still listed, and those of one project share what is read of it.
type survey struct {
	*session
	command string                    // that asks for it
	each    func(looked)              // is called with each look as soon as it is known, one at a time
	kept    func(posture.Target) bool // see surveyOptions

	cloud    *cloud.Cloud
	engine   *reconcile.Engine
	shown    *progress
	looks    errgroup.Group
	mu       sync.Mutex
	seen     map[posture.Target]bool
	unlisted map[string]error
}

// surveyed is how far a survey came.
type surveyed struct {
	services int              // that were found
	scopes   []posture.Scope  // where they were looked for: the projects in folders and organizations, too
	unlisted map[string]error // places that were not listed, or in part, each with the reason
}

// errors are the reasons of what was not listed, by the places' names.
func (s surveyed) errors() []error {
	var all []error
	for _, place := range slices.Sorted(maps.Keys(s.unlisted)) {
		all = append(all, s.unlisted[place])
	}
	return all
}

// survey looks at the services in places.
func (s *session) survey(
	ctx context.Context, options surveyOptions, places []policy.Hold, each func(looked),
) (surveyed, error) {
	w := s.newSurvey(options.command, each)
	w.kept = options.kept
	shares := slices.ContainsFunc(places, func(p policy.Hold) bool { return p.Scope.Service == "" })
	if shares {
		if err := w.share(); err != nil {
			return surveyed{}, err
		}
	}
	defer w.shown.end()
	scopes, gaps := s.scopesIn(ctx, places)
	if options.inventory && shares {
		scopes = w.useInventory(ctx, places, scopes)
	}
	for _, gap := range gaps {
		w.unlisted[gap.What] = fmt.Errorf("%s: %s", gap.What, gap.Why)
	}
	var lists errgroup.Group
	lists.SetLimit(listTogether)
	for _, scope := range scopes {
		lists.Go(func() error { w.scope(ctx, scope); return nil })
	}
	_ = lists.Wait()   // what was not listed is noted
	_ = w.looks.Wait() // no look fails the others
	return surveyed{len(w.seen), scopes, w.unlisted}, nil
}

// lookAt looks at services for a command, at each once, and returns how many these are.
func (s *session) lookAt(ctx context.Context, command string, targets []posture.Target, each func(looked)) int {
	w := s.newSurvey(command, each)
	defer w.shown.end()
	w.found(ctx, targets)
	_ = w.looks.Wait() // no look fails the others
	return len(w.seen)
}

func (s *session) newSurvey(command string, each func(looked)) *survey {
	w := &survey{session: s, command: command, each: each, cloud: s.cloud, engine: s.engine,
		shown: newProgress(s.stderr, "services looked at", 0, progressAfter),
		seen:  map[posture.Target]bool{}, unlisted: map[string]error{}}
	w.looks.SetLimit(auditTogether)
	return w
}

// share has the looks share what they read.
func (w *survey) share() (err error) {
	if w.cloud, err = w.session.cloud.Shared(); err != nil {
		return err
	}
	surroundings := w.session.engine.Surroundings
	surroundings.Cloud = w.cloud
	w.looks.SetLimit(surveyTogether)
	w.engine, err = reconcile.NewEngine(surroundings)
	return err
}

// useInventory has the looks take IAM policies from Cloud Asset Inventory. It returns the scopes, and
// the projects beside them that have services by the inventory.
func (w *survey) useInventory(ctx context.Context, places []policy.Hold, scopes []posture.Scope) []posture.Scope {
	var within, projects []string
	for _, place := range places {
		if place.Above != "" {
			within = append(within, place.Above)
		} else {
			within = append(within, "projects/"+place.Scope.Project)
		}
	}
	for _, scope := range scopes {
		projects = append(projects, scope.Project)
	}
	slices.Sort(within)
	more, unused := w.cloud.UseInventory(ctx, slices.Compact(within), projects)
	for _, err := range unused {
		note(w.stderr, "some IAM policies are read from the APIs that own them, and not from Cloud Asset Inventory: %v", err)
	}
	for _, project := range more {
		scopes = append(scopes, posture.Scope{Project: project})
	}
	return scopes
}

// scope lists the services in a scope, and has them looked at.
func (w *survey) scope(ctx context.Context, scope posture.Scope) {
	found, err := w.cloud.Services(ctx, scope)
	switch {
	case err != nil:
		w.mu.Lock()
		w.unlisted[scope.Name()] = err
		w.mu.Unlock()
	case len(found) == 0:
		note(w.stderr, "there are no services in %s", scope.Name())
	}
	w.found(ctx, found)
}

// found has services looked at that were not found before.
func (w *survey) found(ctx context.Context, targets []posture.Target) {
	for _, target := range targets {
		if w.isNew(target) && !w.isKept(target) {
			w.looks.Go(func() error { w.look(ctx, target); return nil })
		}
	}
}

// isNew reports whether a service was not found before: places may overlap.
func (w *survey) isNew(target posture.Target) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[target] {
		return false
	}
	w.seen[target] = true
	w.shown.grow(1)
	return true
}

// isKept reports whether the command has what an earlier run read of a service.
func (w *survey) isKept(target posture.Target) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kept == nil || !w.kept(target) {
		return false
	}
	w.shown.add()
	return true
}

func (w *survey) look(ctx context.Context, target posture.Target) {
	one := looked{target: target, err: ctx.Err()}
	if one.err == nil {
		one.final, one.err = w.engine.Run(ctx, request(w.command, target, true))
		one.asOf = w.cloud.AsOf(target)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.each(one)
	w.shown.add()
}

// inOrder sorts looks by the names of the services.
func inOrder(looks []looked) {
	slices.SortFunc(looks, func(a, b looked) int { return strings.Compare(a.target.Name(), b.target.Name()) })
}

// placesOf are scopes as places.
func placesOf(scopes []posture.Scope) []policy.Hold {
	places := make([]policy.Hold, len(scopes))
	for i, scope := range scopes {
		places[i].Scope = scope
	}
	return places
}
