package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
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
		Args:  wantTargets,
		RunE: func(command *cobra.Command, args []string) error {
			scopes, err := parseScopes(args)
			if err != nil {
				return err
			}
			estate, missing, err := estateOf(command.Context(), endpoint, scopes)
			if err != nil {
				return err
			}
			if err := writeNew(file, command.OutOrStdout(), draft.Policy(estate)); err != nil {
				return err
			}
			if missing > 0 {
				fmt.Fprintf(command.ErrOrStderr(), "iapguard: %s could not be read: see the comments at the top of the policy\n",
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
func looking(ctx context.Context, endpoint string) (*session, error) {
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
	return &session{engine: engine, cloud: clients}, nil
}

// estateOf looks at every service in scopes; missing is how many of them could not be read, or
// not be listed.
func estateOf(ctx context.Context, endpoint string, scopes []posture.Scope) (found draft.Estate, missing int,
	err error) {
	session, err := looking(ctx, endpoint)
	if err != nil {
		return found, 0, err
	}
	targets, unlisted := session.list(ctx, scopes)
	var problems []error
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
