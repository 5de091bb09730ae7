package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/draft"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

func newPolicyInitCommand() *cobra.Command {
	var endpoint, file string
	command := &cobra.Command{
		Use:   "init TARGET...",
		Short: "Begin a policy from what is there: report-only, with blanks to fill in; no cloud is changed",
		Long: "Init looks at every service of the targets, which may be folders/NUMBER and organizations/NUMBER too: then at every " +
			"project below, at any depth, that you may read. What cannot be read is named in a comment, and does not stop the rest.",
		Args: wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			places, err := parsePlaces(args)
			if err != nil {
				return err
			}
			estate, missing, err := estateOf(command.Context(), places, endpoint, command.ErrOrStderr())
			if err != nil {
				return err
			}
			text := draft.Policy(estate)
			if err := writeNew(file, command.OutOrStdout(), text); err != nil {
				return err
			}
			if len(text) > mostInSecret {
				note(command.ErrOrStderr(), "the policy has %d KiB, and a secret holds %d: name fewer targets, or join rules", len(text)>>10, mostInSecret>>10)
			}
			if missing > 0 {
				note(command.ErrOrStderr(), "%s could not be read: see the comments at the top of the policy",
					counted(missing, "target"))
				return statusError(exitFailed)
			}
			return nil
		},
	}
	command.Flags().StringVar(&endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	command.Flags().StringVarP(&file, "output", "o", "", "write the policy to this new file (default: print it)")
	return command
}

// mostInSecret is how much a version of a secret holds, from which a policy is usually mounted.
// Source: secret-manager/quotas.
const mostInSecret = 64 << 10

// parsePlaces reads the names of projects, of what is in them and of what is above them, before a
// connection is needed.
func parsePlaces(names []string) ([]policy.Hold, error) {
	var places []policy.Hold
	var problems []error
	for _, name := range names {
		place, err := policy.HoldOn(name)
		places, problems = append(places, place), append(problems, err)
	}
	return places, usage(errors.Join(problems...))
}

// scopesIn are the scopes of places: of a folder or an organization, the projects below.
func (s *session) scopesIn(ctx context.Context, places []policy.Hold) ([]posture.Scope, []draft.Gap) {
	var scopes []posture.Scope
	var gaps []draft.Gap
	for _, place := range places {
		if place.Above == "" {
			scopes = append(scopes, place.Scope)
			continue
		}
		below, unplaced, err := s.cloud.Placed(ctx, place.Above)
		for _, project := range below {
			scopes = append(scopes, posture.Scope{Project: project})
		}
		for _, project := range slices.Sorted(maps.Keys(unplaced)) {
			gaps = append(gaps, draft.Gap{What: "projects/" + project, Why: fmt.Sprintf("whether it is in %s is not known: %s",
				place.Above, unplaced[project].Why)})
		}
		switch {
		case err != nil:
			gaps = append(gaps, draft.Gap{What: place.Above, Why: err.Error()})
		case len(below) == 0:
			gaps = append(gaps, draft.Gap{What: place.Above, Why: "no project in it can be read with your account"})
		}
	}
	slices.SortFunc(scopes, func(a, b posture.Scope) int { return strings.Compare(a.Name(), b.Name()) })
	return slices.Compact(scopes), gaps
}

// writeNew writes a text to a file that is not there yet, or prints it.
func writeNew(name string, out io.Writer, text []byte) error {
	if name == "" {
		_, err := out.Write(text)
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usageError{fmt.Errorf("%s is there already: write another name, or take it away", name)}
	} else if err != nil {
		return usageError{fmt.Errorf("writing -o: %w", err)}
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing -o: %w", err)
	}
	return nil
}

// looking opens a session that only looks: no policy, no holds, no memory.
func looking(ctx context.Context, endpoint string, stderr io.Writer) (*session, error) {
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return nil, usageError{err}
	}
	if endpoint != "" {
		config.Connect.Endpoint, config.Connect.Endpoints = endpoint, nil
	}
	if err := config.Connect.Check(); err != nil {
		return nil, usageError{err}
	}
	config.Memory, config.Clock = "", clockwork.NewRealClock()
	clients, err := cloud.Connect(ctx, config.Connect, time.Now)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	remembered, err := function.OpenMemory(ctx, config, log)
	if err != nil {
		return nil, err
	}
	engine, err := function.NewEngine(clients, config, function.Wiring{
		Publisher: unpublished{}, Log: log, Memory: remembered, Policy: func() reconcile.Policy { return policy.Policy{} },
	})
	if err != nil {
		return nil, err
	}
	return &session{engine: engine, cloud: clients, stderr: stderr}, nil
}

// estateOf looks at every service in places; missing is how many of these could not be read, or
// not be listed.
func estateOf(
	ctx context.Context, places []policy.Hold, endpoint string, stderr io.Writer,
) (found draft.Estate, missing int, err error) {
	session, err := looking(ctx, endpoint, stderr)
	if err != nil {
		return found, 0, err
	}
	var problems []error
	scopes, gaps := session.scopesIn(ctx, places)
	for _, gap := range gaps {
		problems = append(problems, fmt.Errorf("%s: %s", gap.What, gap.Why))
	}
	found.Gaps, missing = gaps, len(gaps)
	targets, unlisted := session.list(ctx, scopes)
	for _, scope := range scopes {
		if why := unlisted[scope]; why != nil {
			found.Gaps = append(found.Gaps, draft.Gap{What: scope.Name(), Why: why.Error()})
			problems = append(problems, why)
			missing++
		}
	}
	if len(targets) == 0 && missing > 0 {
		return found, missing, errors.Join(problems...)
	}
	seen := make([]report.Report, len(targets))
	failed := make([]error, len(targets))
	var group errgroup.Group
	group.SetLimit(auditTogether)
	for i, target := range targets {
		group.Go(func() error {
			seen[i], failed[i] = session.engine.Run(ctx, request("policy init", target, true))
			return nil
		})
	}
	_ = group.Wait() // no look fails the others
	if err := ctx.Err(); err != nil {
		return found, missing, err
	}
	ids := map[string]string{} // of projects, by their numbers
	for i, target := range targets {
		switch {
		case errors.Is(failed[i], reconcile.ErrGone):
		case failed[i] != nil:
			missing++
			found.Gaps = append(found.Gaps, draft.Gap{What: target.Name(), Why: failed[i].Error()})
			found.Services = append(found.Services, draft.Service{Target: target, Unknown: true})
		default:
			ids[seen[i].Target.ProjectNumber], target.Project = seen[i].Target.Project, seen[i].Target.Project
			found.Services = append(found.Services, draftOf(target, seen[i]))
			for _, unread := range seen[i].Unread {
				found.Gaps = append(found.Gaps, gapOf(unread))
			}
		}
	}
	for _, scope := range scopes {
		scope.Project = cmp.Or(ids[scope.Project], scope.Project)
		found.Scopes = append(found.Scopes, scope)
	}
	return found, missing, nil
}

// gapOf is an unread fact in words.
func gapOf(unread report.Unread) draft.Gap {
	why := unread.Why
	if unread.Permission != "" && !strings.Contains(why, unread.Permission) {
		why += " (missing: " + unread.Permission + ")"
	}
	return draft.Gap{What: unread.Resource, Why: why}
}

// draftOf is what a policy needs to know of a service.
func draftOf(target posture.Target, seen report.Report) draft.Service {
	one := draft.Service{Target: target, Team: seen.Target.Labels["team"], Unknown: seen.Exposed == door.Unknown,
		More: seen.AccessorsLeftOff}
	for _, each := range seen.Doors {
		if each.Guard.Exposed() {
			one.Open = append(one.Open, each.Address)
		}
	}
	for _, each := range seen.Accessors {
		one.Accessors = append(one.Accessors, draft.Accessor{Member: each.Member, Conditional: each.Conditional})
	}
	return one
}
